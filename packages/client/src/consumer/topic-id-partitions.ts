/** Partitions grouped by topic id, as the messages of KIP-848 have them. */
export type TopicIdPartitions = readonly { readonly topicId: string; readonly partitions: readonly number[] }[];

/** Sorted, each topic and partition once, no empty topics: two of the same content are then equal text. */
export function normalised(list: TopicIdPartitions): TopicIdPartitions {
  const topics = new Map<string, Set<number>>();
  for (const { topicId, partitions } of list) {
    const known = topics.get(topicId) ?? new Set();
    for (const partition of partitions) known.add(partition);
    if (known.size > 0) topics.set(topicId, known);
  }
  return [...topics.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([topicId, partitions]) => ({ topicId, partitions: [...partitions].sort((a, b) => a - b) }));
}

/** Whether two normalised lists hold the same partitions. */
export function samePartitions(a: TopicIdPartitions, b: TopicIdPartitions): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
