import { describe, expect, it } from "vitest";
import { maskVolatile, sortHashOrder, wrongStderr } from "./compare.ts";
import { type RecordedCase, readRecorded } from "./recorded.ts";

const recorded = (stderr: string, notes = ""): RecordedCase => ({
  ...{ section: "", title: "", words: [], stdout: "", stderrCut: null, exit: 0 },
  ...{ stderr, notes },
});

describe("what is compared with the recorded runs", () => {
  it("reads every case", () => {
    expect(readRecorded("topics.md")).toHaveLength(123);
    expect(readRecorded("consumer-groups.md")).toHaveLength(179);
  });

  it("masks ids and ports, and keeps every width", () => {
    const member = "c-ce6ab9ce-3969-4cf4-b4d8-5dc34e72cdfc /127.0.0.1";
    expect(maskVolatile(member)).toBe(`c-${"u".repeat(36)} /127.0.0.1`);
    expect(maskVolatile("g localhost:9092  (1)       -")).toBe(maskVolatile("g localhost:40111  (1)      -"));
    expect(maskVolatile("g localhost:9092  (1)       -")).not.toBe(maskVolatile("g localhost:9092  (1)      -"));
  });

  it("sorts rows, not headers, and keeps partitions with their topic", () => {
    expect(sortHashOrder("\nGROUP X\nb 1\na 2\n\nGROUP X\nc 1\n")).toBe("\nGROUP X\na 2\nb 1\n\nGROUP X\nc 1\n");
    expect(sortHashOrder("Topic: b\n\tb 0\n\tb 1\nTopic: a\n\ta 0\n")).toBe(
      "Topic: a\n\ta 0\nTopic: b\n\tb 0\n\tb 1\n",
    );
    expect(sortHashOrder("\nWarn: b\n\nWarn: a\n\nGROUP X\n")).toBe("\nWarn: a\n\nWarn: b\n\nGROUP X\n");
    expect(sortHashOrder("('b', 'a') done\n")).toBe("('a', 'b') done\n");
  });

  it("lets the names of Java's classes go, and nothing else", () => {
    const thrown = recorded('Exception in thread "main" joptsimple.SomeException: no such option\n');
    expect(wrongStderr(thrown, "no such option\n")).toBeNull();
    expect(wrongStderr(thrown, "")).toBeNull();
    expect(wrongStderr(thrown, "something else\n")).toContain("should be");
    const logged = recorded("failed\njava.lang.SomeException: failed\nCaused by: a.b.C: why\n\n");
    expect(wrongStderr(logged, "failed\n")).toContain("a.b.C");
    expect(wrongStderr(recorded("failed\n"), "")).not.toBeNull();
    expect(wrongStderr(recorded(""), "noise\n")).not.toBeNull();
    const warned = recorded("", "log4j dropped: `WARN New offset (7) is too high. Value will be set to 5 (x.Y)`");
    expect(wrongStderr(warned, "WARN New offset (7) is too high. Value will be set to 5.\n")).toBeNull();
    expect(wrongStderr(warned, "WARN New offset (8) is too high. Value will be set to 5.\n")).not.toBeNull();
  });
});
