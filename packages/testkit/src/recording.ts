import { type Consumer, KafkaError, type Producer, type TopicPartition } from "@ottla/client";
import type { Clock } from "@ottla/runtime";
import type { History, Outcome, PartitionKey } from "./history.ts";

/** Who writes into a history, and by which clock. */
export interface Recorder {
  readonly history: History;
  readonly clock: Clock;
  /** The name of the process. */
  readonly process: string;
}

/** A partition as a history names it. */
export function partitionKey({ topic, partition }: TopicPartition): PartitionKey {
  return `${topic}-${partition}`;
}

/** What is known of something that failed with that error: nothing, where it may have happened all the same. */
export function outcomeOf(error: unknown): Outcome {
  return error instanceof KafkaError && !error.possiblyPersisted && error.code !== "REQUEST_TIMED_OUT"
    ? "fail"
    : "info";
}

/** Sends a record (a value that no other record has, to a given partition) and writes down what became of it. Never rejects. */
export async function recordSend(
  { history, clock, process }: Recorder,
  producer: Producer,
  place: TopicPartition,
  value: string,
  key: string | null = null,
): Promise<Outcome> {
  const began = history.begin();
  const note = (outcome: Outcome, offset: number | null) => {
    history.add({
      type: "send",
      process,
      timeMs: clock.monotonic(),
      partition: partitionKey(place),
      value,
      outcome,
      offset,
      began,
    });
    return outcome;
  };
  try {
    const { offset } = await producer.send({ ...place, key, value });
    // A duplicate of what the broker has forgotten the place of is sent all the same.
    return note("ok", offset < 0 ? null : offset);
  } catch (error) {
    return note(outcomeOf(error), null);
  }
}

/** What a member does beside reading. */
export interface MemberOptions {
  readonly topics: readonly string[];
  /** Called for each batch before it is committed: the work. */
  readonly work?: (() => Promise<void>) | undefined;
  /** Called after each commit. */
  readonly onCommit?: ((outcome: Outcome) => void) | undefined;
}

/**
 * Reads as a member of a group until the consumer is closed, commits after each batch, and writes down what it was assigned, handed and committed. Rejects with what ends the consumer's loop.
 */
export async function recordMember(
  recorder: Recorder,
  consumer: Consumer<unknown, string>,
  { topics, work, onCommit }: MemberOptions,
): Promise<void> {
  const { history, clock, process } = recorder;
  const owned = new Set<PartitionKey>();
  const noteOwned = () => {
    const { groupId, generationId } = consumer.groupMetadata()!;
    const partitions = [...owned].sort();
    history.add({
      type: "assign",
      process,
      timeMs: clock.monotonic(),
      group: groupId,
      generation: generationId,
      partitions,
    });
  };
  const letGo = async (partitions: readonly TopicPartition[]) => {
    for (const partition of partitions) owned.delete(partitionKey(partition));
    noteOwned();
  };
  await consumer.subscribe(topics, {
    async onPartitionsAssigned(partitions) {
      for (const partition of partitions) owned.add(partitionKey(partition));
      noteOwned();
    },
    onPartitionsRevoked: letGo,
    onPartitionsLost: letGo,
  });
  for await (const batch of consumer.batches()) {
    const partition = partitionKey(batch);
    const records = [...batch].map(({ offset, value }) => ({ partition, offset, value: String(value) }));
    history.add({ type: "poll", process, timeMs: clock.monotonic(), records });
    await work?.();
    const outcome = await recordCommit(recorder, consumer, batch, batch.nextOffset);
    onCommit?.(outcome);
  }
}

/** Commits one offset and writes down what became of it. Never rejects. */
export async function recordCommit(
  { history, clock, process }: Recorder,
  consumer: Consumer<unknown, string>,
  { topic, partition }: TopicPartition,
  offset: number,
): Promise<Outcome> {
  const { groupId: group, generationId: generation } = consumer.groupMetadata()!;
  const offsets = { [partitionKey({ topic, partition })]: offset };
  const note = (outcome: Outcome) => {
    history.add({ type: "commit", process, timeMs: clock.monotonic(), group, generation, outcome, offsets });
    return outcome;
  };
  try {
    await consumer.commit([{ topic, partition, offset }]);
    return note("ok");
  } catch (error) {
    return note(outcomeOf(error));
  }
}
