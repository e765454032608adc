import type { TopicPartition } from "@ottla/client";
import { UsageError } from "./option-parser.ts";

/** What `--topic` asks for: single partitions (`orders:0,1`), and topics with all of theirs. */
export interface TopicArguments {
  readonly partitions: readonly TopicPartition[];
  readonly topics: readonly string[];
}

export function parseTopicArguments(values: readonly string[]): TopicArguments {
  return {
    partitions: values.filter((value) => value.includes(":")).flatMap(parsePartitions),
    topics: [...new Set(values.filter((value) => !value.includes(":")))],
  };
}

function parsePartitions(argument: string): TopicPartition[] {
  const [topic = "", numbers = "", ...more] = argument.split(":");
  if (numbers === "" || more.length > 0) {
    throw new UsageError(`Invalid topic arg '${argument}', expected topic name and partitions`, { withUsage: true });
  }
  return numbers.split(",").map((number) => {
    if (/^[+-]?\d+$/.test(number)) return { topic, partition: Number(number) };
    // The second quote is Kafka's.
    throw new UsageError(`Invalid partition '${number}' specified in topic arg '${argument}''`, { withUsage: true });
  });
}
