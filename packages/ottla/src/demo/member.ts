import { Consumer, json, range, roundRobin, string, type TopicPartition } from "@ottla/client";
import type { MemberEvent, MemberOptions } from "./member-events.ts";

const strategies = { range, roundrobin: roundRobin };

/** One consumer of the walk-through, in a process of its own: handles, commits, and tells what happens on standard output until it is told to stop. Returns the exit code. */
export async function runMember(options: MemberOptions): Promise<number> {
  const tell = (event: MemberEvent) => process.stdout.write(`${JSON.stringify(event)}\n`);
  const numbers = (partitions: readonly TopicPartition[]) =>
    partitions.map(({ partition }) => partition).sort((a, b) => a - b);
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  process.once("SIGINT", () => stop.abort());
  // The one who started this member is gone, and the broker with it: nothing is left to say good-bye to.
  process.stdin.once("end", () => process.exit(0)).resume();

  const consumer = new Consumer({
    bootstrapServers: options.bootstrapServers,
    clientId: options.name,
    groupId: options.groupId,
    key: string,
    value: json(),
    autoOffsetReset: "earliest",
    enableAutoCommit: false,
    sessionTimeoutMs: 6000,
    heartbeatIntervalMs: 200,
    partitionAssignmentStrategy: [strategies[options.strategy]],
    signal: stop.signal,
  });
  let handled = 0;
  try {
    await consumer.subscribe([options.topic], {
      async onPartitionsAssigned(partitions) {
        tell({ event: "assigned", partitions: numbers(partitions) });
      },
      async onPartitionsRevoked(partitions) {
        await consumer.commit();
        tell({ event: "revoked", partitions: numbers(partitions), committed: handled });
      },
    });
    for await (const message of consumer) {
      handled += 1;
      if (options.commit === "each") await consumer.commit();
      tell({ event: "handled", partition: message.partition, offset: message.offset, key: message.key });
    }
  } catch (error) {
    if (!stop.signal.aborted) {
      tell({ event: "failed", message: error instanceof Error ? error.message : String(error) });
      return 1;
    }
  } finally {
    await consumer.close();
    process.stdin.destroy();
  }
  return 0;
}
