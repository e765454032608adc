import { describe, expect, it } from "vitest";
import { checkGroupOptions, groupOptions } from "./group-options.ts";
import { formatUsage, type OptionSpec, parseOptions } from "./option-parser.ts";
import { topicOptions } from "./topic-options.ts";

describe("the strict parser", () => {
  const parse = (...args: string[]) => parseOptions(groupOptions, args);

  it("takes values after a blank or an equals sign, and repeats", () => {
    const options = parse("--group", "a", "--group=b", "--shift-by", "-3", "-describe");
    expect(options.values("group")).toEqual(["a", "b"]);
    expect(options.number("shift-by")).toBe(-3);
    expect(options.has("describe")).toBe(true);
  });

  it("leaves an optional value out where another option follows", () => {
    const options = parse("--list", "--state", "--type", "classic");
    expect(options.has("state")).toBe(true);
    expect(options.value("state")).toBeUndefined();
    expect(options.value("type")).toBe("classic");
  });

  it("takes no abbreviation, no unknown option, no missing value", () => {
    expect(() => parse("--gro", "a")).toThrow("gro is not a recognized option");
    expect(() => parse("--group")).toThrow("Option group requires an argument");
    expect(() => parse("--list", "--verbose")).toThrow("Option(s) [verbose] are unavailable");
  });

  it("checks numbers when they are asked for", () => {
    const options = parse("--timeout", "x", "--to-offset", "9223372036854775808");
    expect(() => options.number("timeout")).toThrow("Cannot parse argument 'x' of option timeout");
    expect(() => options.number("to-offset")).toThrow("Cannot parse argument");
  });
});

describe("the usage", () => {
  const lines = (table: readonly OptionSpec[]) => formatUsage(table).split("\n");

  it("has the columns of Kafka's", () => {
    const header = (gap: number) => `Option${" ".repeat(gap)}Description${" ".repeat(28)}`;
    expect(lines(topicOptions)[0]).toBe(header(35));
    expect(lines(groupOptions)[0]).toBe(header(34));
    for (const line of [...lines(topicOptions), ...lines(groupOptions)]) expect(line.length).toBeLessThanOrEqual(80);
  });
});

describe("the options of kafka-consumer-groups", () => {
  it("names the action", () => {
    const options = parseOptions(groupOptions, ["--bootstrap-server", "b:1", "--reset-offsets", "--group", "g"]);
    const warnings: string[] = [];
    expect(checkGroupOptions(options, (line) => warnings.push(line))).toBe("reset-offsets");
    expect(warnings).toEqual([expect.stringContaining("the --execute option is missing")]);
  });
});
