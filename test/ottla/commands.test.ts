/** The commands of `ottla`, in this process, on a broker in memory. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker } from "@ottla/broker";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runOttla } from "../../packages/ottla/src/ottla/program.ts";
import { CapturedTerminal } from "../support/captured-terminal.ts";

let broker: Broker;
let topic: string;
let number = 0;
beforeAll(async () => {
  broker = await Broker.start({ port: 0, config: { "num.partitions": 3 } });
});
afterAll(() => broker.close());
beforeEach(() => {
  number += 1;
  topic = `topic-${number}`;
});

async function ottla(args: readonly string[], input: readonly string[] = []) {
  const terminal = new CapturedTerminal(input);
  const talksToCluster = !["broker", "--help"].includes(args[0] ?? "");
  const server = talksToCluster && !args.includes("-b") ? ["-b", broker.bootstrapServers] : [];
  const exit = await runOttla([...args, ...server], terminal);
  return { exit, stdout: terminal.stdout, stderr: terminal.stderr, lines: terminal.stdout.split("\n").slice(0, -1) };
}

/** Runs a command with `--json` and returns what its lines hold. */
async function json(args: readonly string[], input: readonly string[] = []): Promise<unknown[]> {
  const { exit, lines, stderr } = await ottla([...args, "--json"], input);
  expect(stderr).toBe("");
  expect(exit).toBe(0);
  return lines.map((line) => JSON.parse(line));
}

describe("ottla topics", () => {
  it("creates, shows, alters and deletes", async () => {
    expect(await json(["topics", "create", topic, "-p", "2", "-c", "retention.ms=1000"])).toEqual([
      { topic, created: true, partitions: 2 },
    ]);
    const [[described]] = (await json(["topics", "describe", topic])) as [[Record<string, unknown>]];
    expect(described).toMatchObject({ topic, messages: 0, configs: { "retention.ms": "1000" } });
    expect(described?.partitions).toHaveLength(2);
    await ottla(["topics", "alter", topic, "-p", "4", "--set", "retention.ms=2000"]);
    const listed = (await json(["topics", "list"])) as [{ topic: string; partitions: number }[]];
    expect(listed[0].find((it) => it.topic === topic)?.partitions).toBe(4);
    expect((await ottla(["topics", "delete", topic])).stdout).toBe(`deleted ${topic}\n`);
    expect(await json(["topics", "delete", topic, "--if-exists"])).toEqual([[]]);
  });

  it("takes the broker's number of partitions, and says what went wrong", async () => {
    expect((await ottla(["topics", "create", topic])).stdout).toBe(`created ${topic} with 3 partitions\n`);
    expect(await ottla(["topics", "create", topic])).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining(`Topic '${topic}' already exists.`),
    });
    expect((await ottla(["topics", "create", topic, "--if-not-exists"])).stdout).toBe(`${topic} exists already\n`);
    expect(await ottla(["topics", "describe", "missing"])).toMatchObject({
      exit: 1,
      stdout: "",
      stderr: "ottla: there is no topic missing; `ottla topics list` shows all\n",
    });
    expect((await ottla(["topics", "alter", topic])).stderr).toContain("nothing to change");
  });
});

describe("ottla produce and consume", () => {
  it("sends from the command line and reads it all again", async () => {
    const sent = await ottla(["produce", topic, "-k", "customer-1", "-H", "trace=1", "one", "two"]);
    expect(sent.stdout).toMatch(
      new RegExp(`^${topic}: partition (\\d), offset 0\n${topic}: partition \\1, offset 1\n$`),
    );
    const messages = await json(["consume", topic, "--from-beginning", "--until-end"]);
    expect(messages).toMatchObject([
      { topic, offset: 0, key: "customer-1", value: "one", headers: [{ key: "trace", value: "1" }] },
      { topic, offset: 1, key: "customer-1", value: "two" },
    ]);
    const text = await ottla(["consume", topic, "--from-beginning", "--count", "1"]);
    expect(text.stdout).toMatch(/^partition \d \| offset 0 \| customer-1 \| one\n$/);
  });

  it("sends lines of input, with keys before a separator", async () => {
    const sent = await ottla(["produce", topic, "--key-separator", ":", "-p", "2"], ["a:1", "b:2:3"]);
    expect(sent.stdout).toBe(`sent 2 messages to 1 partition of ${topic}\n`);
    const messages = await json(["consume", topic, "--partition", "2", "--offset", "1", "--count", "1"]);
    expect(messages).toMatchObject([{ partition: 2, offset: 1, key: "b", value: "2:3" }]);
    const refused = await ottla(["produce", topic, "--key-separator", ":"], ["a"]);
    expect(refused).toMatchObject({ exit: 1, stderr: 'ottla: message 1 has no ":" between key and value\n' });
  });

  it("takes as JSON what it prints as JSON", async () => {
    const original = { key: "k", value: { base64: "/wA=" }, headers: [{ key: "h", value: null }], timestamp: 5 };
    await json(["produce", topic, "--input", "json"], [JSON.stringify({ ...original, partition: 1 })]);
    const [first] = await json(["consume", topic, "--from-beginning", "--until-end"]);
    expect(first).toMatchObject({ ...original, partition: 1 });
    const copy = `${topic}-copy`;
    await json(["produce", copy, "--input", "json"], [JSON.stringify(first)]);
    expect(await json(["consume", copy, "--from-beginning", "--until-end"])).toMatchObject([
      { ...original, topic: copy, partition: 1 },
    ]);
    expect((await ottla(["produce", topic, "--input", "json"], ["{"])).stderr).toContain("message 1 is not JSON");
  });

  it("commits what a member has been shown", async () => {
    await ottla(["produce", topic, "-p", "0", "one", "two", "three"]);
    const group = `group-${number}`;
    const read = ["consume", topic, "--group", group, "--from-beginning", "--count"];
    expect((await ottla([...read, "2"])).lines).toHaveLength(2);
    expect((await ottla([...read, "1"])).stdout).toContain("| three");
    expect(await json(["lag", group])).toMatchObject([{ groupId: group, state: "Empty", lag: 0 }]);
    expect((await ottla(["consume", topic, "--group", group, "--offset", "1"])).exit).toBe(1);
  });

  it("ends with Ctrl-C", async () => {
    const terminal = new CapturedTerminal();
    await ottla(["produce", topic, "one"]);
    const ended = runOttla(["consume", topic, "--from-beginning", "-b", broker.bootstrapServers], terminal);
    await terminal.until(/one/);
    terminal.interrupt();
    expect(await ended).toBe(0);
  });
});

describe("ottla groups and lag", () => {
  it("shows what a reset would do, and does it when told to", async () => {
    const group = `group-${number}`;
    await ottla(["produce", topic, "-p", "0", "one", "two", "three"]);
    await ottla(["consume", topic, "--group", group, "--from-beginning", "--count", "3"]);
    const reset = ["groups", "reset", group, "--topic", `${topic}:0`, "--to"];
    const preview = await ottla([...reset, "-2"]);
    expect(preview.stdout).toContain("nothing has been changed; --execute moves 1 offset");
    expect(await json(["lag", group])).toMatchObject([{ lag: 0 }]);
    expect(await json([...reset, "-2", "--execute"])).toMatchObject([
      { executed: true, partitions: [{ topic, partition: 0, from: 3, to: 1 }] },
    ]);
    const described = await ottla(["groups", "describe", group]);
    expect(described.lines[0]).toBe(`${group}: Empty, 0 members, 2 messages behind`);
    expect((await ottla(["lag"])).stdout).toMatch(new RegExp(`^${group} +Empty +0 +2$`, "m"));
    expect((await ottla([...reset, "sometime"])).stderr).toContain("--to sometime is none of: earliest, latest");
    expect((await ottla(["groups", "delete", group, "nobody"])).stderr).toContain("there is no group nobody");
    expect((await ottla(["groups", "describe", group])).exit).toBe(1);
  });

  it("watches until Ctrl-C", async () => {
    const terminal = new CapturedTerminal();
    const ended = runOttla(["lag", "--watch", "-b", broker.bootstrapServers], terminal);
    await terminal.until(/group/);
    terminal.interrupt();
    expect(await ended).toBe(0);
  });
});

describe("ottla", () => {
  it("says at once that there is no broker", async () => {
    const { exit, stderr } = await ottla(["topics", "list", "-b", "localhost:1"]);
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^ottla: no broker at localhost:1 \(.*\)\. Start one with `ottla broker`.*\n$/);
  });

  it("names what it does not understand", async () => {
    expect((await ottla(["--help"])).stdout).toContain("see how far groups are behind");
    expect(await ottla(["topic"])).toMatchObject({ exit: 1, stderr: expect.stringContaining("Did you mean topics?") });
    expect((await ottla(["topics", "create", topic, "-p", "many"])).stderr).toContain("It must be a whole number");
    expect((await ottla(["lag", "--client-config", "missing.properties"])).stderr).toBe(
      "ottla: there is no file missing.properties\n",
    );
  });
});

describe("ottla broker", () => {
  const directories: string[] = [];
  const directory = () => {
    const made = mkdtempSync(join(tmpdir(), "ottla-broker-"));
    directories.push(made);
    return made;
  };
  afterAll(() => {
    for (const made of directories) rmSync(made, { recursive: true });
  });

  async function refused(...args: string[]): Promise<string> {
    const { exit, stdout, stderr } = await ottla(["broker", "--port", "0", ...args]);
    expect(exit).toBe(1);
    expect(stdout).toBe("");
    expect(stderr.split("\n")).toHaveLength(2);
    return stderr;
  }

  it("says on one line that it is ready, and ends with Ctrl-C", async () => {
    const dataDir = directory();
    const terminal = new CapturedTerminal();
    const ended = runOttla(["broker", "--port", "0", "--data-dir", dataDir, "--log-format", "json"], terminal);
    const [, port] = await terminal.until(/ottla broker ready on 127\.0\.0\.1:(\d+) in \d+ ms, data in (.*)\n$/);
    expect(terminal.stdout.split("\n")).toHaveLength(2);
    expect((await ottla(["topics", "list", "-b", `localhost:${port}`])).exit).toBe(0);
    expect(await refused("--data-dir", dataDir)).toContain("in use");
    terminal.interrupt();
    expect(await ended).toBe(0);
    const logged = terminal.stderr.trim().split("\n");
    expect(logged.map((line) => JSON.parse(line).msg)).toContain("stopped");
  });

  it("takes settings from a file and from the command line, which goes before", async () => {
    const file = join(directory(), "server.properties");
    writeFileSync(file, "# ours\nnum.partitions=7\nnode.id=4\n");
    const terminal = new CapturedTerminal();
    const args = ["broker", "-p", "0", "--config-file", file, "-c", "num.partitions=9"];
    const ended = runOttla(args, terminal);
    const [, port] = await terminal.until(/ready on 127\.0\.0\.1:(\d+)/);
    await ottla(["topics", "create", "nine", "-b", `localhost:${port}`]);
    const [[nine]] = (await json(["topics", "describe", "nine", "-b", `localhost:${port}`])) as [[unknown]];
    expect(nine).toMatchObject({ partitions: { length: 9 } });
    terminal.interrupt();
    await ended;
  });

  it("takes a damaged partition back into use when told to", async () => {
    const dataDir = directory();
    const start = () => Broker.start({ port: 0, dataDir });
    const files = join(dataDir, "log", "damaged-0");
    const first = await start();
    await ottla(["topics", "create", "damaged", "-p", "1", "-b", first.bootstrapServers]);
    for (const text of ["one", "two", "three"]) await ottla(["produce", "damaged", text, "-b", first.bootstrapServers]);
    const repair = ["log", "repair", "damaged:0", "--data-dir", dataDir];
    const offline = async (args: readonly string[]) => {
      const terminal = new CapturedTerminal();
      const exit = await runOttla(args, terminal);
      return { exit, ...terminal };
    };
    expect((await offline(repair)).stderr).toContain("in use");
    await first.close();
    expect((await offline(repair)).stdout).toBe("damaged-0 is sound; it ends at offset 3\n");
    const path = join(files, "00000000000000000000.log");
    const bytes = readFileSync(path);
    // Within the second of three records' batches.
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    writeFileSync(path, bytes);
    const { stdout } = await offline(repair);
    expect(stdout).toContain(`${path} is damaged at position`);
    expect(stdout).toContain("damaged-0 ends at offset 1 now");
    const second = await start();
    const left = await ottla(["consume", "damaged", "--from-beginning", "--until-end", "-b", second.bootstrapServers]);
    expect(left.stdout).toBe("partition 0 | offset 0 | (null) | one\n");
    await second.close();
    expect((await offline(["log", "repair", "damaged:1", "-d", dataDir])).stderr).toContain("has no partition 1");
    expect((await offline(["log", "repair", "other:0", "-d", dataDir])).stderr).toContain("has no topic other");
    expect((await offline(["log", "repair", "damaged:0", "-d", files])).stderr).toContain("not an Ottla broker's");
  });

  it("says what keeps it from starting, on one line", async () => {
    expect(await refused("--port", String(broker.port))).toContain(`port ${broker.port} is in use`);
    expect(await refused("-c", "num.partition=1")).toContain("did you mean num.partitions?");
    expect(await refused("-c", "num.partitions=none")).toContain("num.partitions");
    expect(await refused("--config-file", "missing.properties")).toContain("there is no file missing.properties");
    const foreign = directory();
    writeFileSync(join(foreign, "letter.txt"), "dear");
    expect(await refused("--data-dir", foreign)).toContain("not an Ottla broker's");
  });
});
