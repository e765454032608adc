import {
  Consumer,
  type ConsumerOptions,
  cooperativeSticky,
  json,
  range,
  roundRobin,
  sticky,
  string,
  type TopicPartition,
} from "@ottla/client";
import { type Clock, sleep } from "@ottla/runtime";
import type { ChangeEvent, MemberEvent, MemberOptions } from "./member-events.ts";
import { weighted } from "./weighted.ts";

type Order = unknown;
type Tell = (event: MemberEvent) => void;

/**
 * The consumers of one process of the walk-through: each handles, commits, and tells what happens on standard output, until the process is told to stop. Returns
 * the exit code.
 */
export async function runMembers(all: readonly MemberOptions[], clock: Clock): Promise<number> {
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  process.once("SIGINT", () => stop.abort());
  // The one who started these members is gone, and the broker with it: nothing is left to say good-bye to.
  process.stdin.once("end", () => process.exit(0)).resume();
  const codes = await Promise.all(
    all.map((options, number) =>
      runMember(options, clock, stop.signal, (event) => process.stdout.write(`${JSON.stringify([number, event])}\n`)),
    ),
  );
  process.stdin.destroy();
  return Math.max(...codes);
}

async function runMember(options: MemberOptions, clock: Clock, stop: AbortSignal, tell: Tell): Promise<number> {
  const consumer = new Consumer<string, Order>({ ...settingsOf(options), signal: stop });
  const owned = new Set<number>();
  const sorted = (partitions: Iterable<number>) => [...partitions].sort((a, b) => a - b);
  let handled = 0;
  const change = (event: "assigned" | "revoked", partitions: readonly TopicPartition[]): ChangeEvent => {
    const numbers = sorted(partitions.map(({ partition }) => partition));
    return { event, partitions: numbers, owned: sorted(owned), handled, at: clock.now() };
  };
  try {
    await consumer.subscribe([options.topic], {
      async onPartitionsAssigned(partitions) {
        for (const { partition } of partitions) owned.add(partition);
        tell(change("assigned", partitions));
      },
      async onPartitionsRevoked(partitions) {
        for (const { partition } of partitions) owned.delete(partition);
        if (options.lettingGoMs !== undefined) await sleep(clock, options.lettingGoMs);
        if (options.commit !== "auto") await consumer.commit();
        tell(change("revoked", partitions));
      },
    });
    for await (const { partition, offset } of consumer) {
      handled += 1;
      if (options.commit === "each") await consumer.commit();
      tell({ event: "handled", partition, offset, at: clock.now() });
    }
  } catch (error) {
    if (!stop.aborted) {
      tell({ event: "failed", message: error instanceof Error ? error.message : String(error) });
      return 1;
    }
  } finally {
    await consumer.close();
  }
  return 0;
}

const assignors = { range, roundrobin: roundRobin, sticky, "cooperative-sticky": cooperativeSticky };

function settingsOf(options: MemberOptions): ConsumerOptions<string, Order> {
  return {
    bootstrapServers: options.bootstrapServers,
    clientId: options.name,
    groupId: options.groupId,
    groupInstanceId: options.groupInstanceId,
    key: string,
    value: json(),
    autoOffsetReset: "earliest",
    enableAutoCommit: options.commit === "auto",
    ...protocolOf(options),
  };
}

function protocolOf({ strategy, weight, sessionTimeoutMs, heartbeatIntervalMs }: MemberOptions) {
  if (strategy === "KIP-848") return { groupProtocol: "consumer" } as const;
  const assignor = strategy === "weighted" ? weighted(weight ?? 1) : assignors[strategy];
  return { sessionTimeoutMs, heartbeatIntervalMs, partitionAssignmentStrategy: [assignor] };
}
