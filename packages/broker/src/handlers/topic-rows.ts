/** The outcome of one partition. */
export interface PartitionRow {
  readonly partitionIndex: number;
  readonly errorCode: number;
}

/** The outcomes of a topic's partitions. */
export interface TopicRow {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: readonly PartitionRow[];
}

/**
 * Puts an answer together from what was refused and what the coordinator says, with one row for a topic however often it was named: first what was refused, in
 * the order of the request (Kafka's `OffsetCommitResponse.Builder`). `keyOf` says what names a topic.
 */
export class TopicRows {
  private readonly rows = new Map<string, { name: string; topicId: string; partitions: PartitionRow[] }>();
  private readonly keyOf: (topic: { readonly name: string; readonly topicId: string }) => string;

  constructor(keyOf: (topic: { readonly name: string; readonly topicId: string }) => string) {
    this.keyOf = keyOf;
  }

  add(topic: { readonly name: string; readonly topicId: string }, partitions: readonly PartitionRow[]): void {
    const key = this.keyOf(topic);
    const row = this.rows.get(key);
    if (row === undefined) {
      this.rows.set(key, { name: topic.name, topicId: topic.topicId, partitions: [...partitions] });
      return;
    }
    // A loop, since there may be more of them than a call may have arguments.
    for (const partition of partitions) row.partitions.push(partition);
  }

  /** The same error for many partitions. */
  refuse(
    topic: { readonly name: string; readonly topicId: string },
    partitions: readonly { readonly partitionIndex: number }[],
    errorCode: number,
  ): void {
    this.add(
      topic,
      partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    );
  }

  all(): TopicRow[] {
    return [...this.rows.values()];
  }
}
