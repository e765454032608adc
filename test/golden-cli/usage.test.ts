/** Our tables of options against what Kafka's tools were recorded to take. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { groupOptions } from "../../packages/ottla/src/kafka/group-options.ts";
import { formatUsage, type OptionSpec } from "../../packages/ottla/src/kafka/option-parser.ts";
import { topicOptions } from "../../packages/ottla/src/kafka/topic-options.ts";

interface RecordedOption {
  readonly option: string;
  /** `<Type: name>` is required after the option, `[name]` is optional, null stands for a flag. */
  readonly arg: string | null;
}

const recorded: Record<string, RecordedOption[]> = JSON.parse(
  readFileSync(join(import.meta.dirname, "recorded/usage.json"), "utf8"),
);

function argumentOf({ argument, argumentName, type }: OptionSpec): string | null {
  if (argument === "none") return null;
  const typeName = type === "int" ? "Integer" : type === "long" ? "Long" : "String";
  const text = argumentName === undefined ? typeName : `${typeName}: ${argumentName}`;
  return argument === "required" ? `<${text}>` : `[${text}]`;
}

describe.each([
  ["kafka-topics", topicOptions],
  ["kafka-consumer-groups", groupOptions],
])("the options of %s", (tool, table) => {
  it("are Kafka's", () => {
    const ours = table.map((spec) => ({ option: `--${spec.name}`, arg: argumentOf(spec) }));
    const theirs = recorded[tool]?.map(({ option, arg }) => ({ option, arg }));
    const byName = (a: RecordedOption, b: RecordedOption) => (a.option < b.option ? -1 : 1);
    expect(ours.sort(byName)).toEqual(theirs?.sort(byName));
  });

  it("are all in the usage, each with a description", () => {
    const usage = formatUsage(table);
    for (const { name, description } of table) {
      expect(usage).toMatch(new RegExp(`^--${name}( |$)`, "m"));
      expect(description.length).toBeGreaterThan(10);
    }
  });
});
