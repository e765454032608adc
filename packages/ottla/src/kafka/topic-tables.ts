/** The lines of `kafka-topics --describe`: fields separated by tabs. */

/** A topic as its first line shows it. */
export interface TopicLine {
  readonly topic: string;
  /** Null where the broker knows none. */
  readonly topicId: string | null;
  readonly partitionCount: number;
  readonly replicationFactor: number;
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
}

/** A partition of a topic. */
export interface PartitionLine {
  readonly topic: string;
  readonly partition: number;
  /** Null where there is none. */
  readonly leader: number | null;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  /** Eligible leaders that are not in sync (KIP-966); null where the answer has no place for them. */
  readonly elr: readonly number[] | null;
  readonly lastKnownElr: readonly number[] | null;
  /** Replicas on the move; null where there are none. */
  readonly move: { readonly addingReplicas: readonly number[]; readonly removingReplicas: readonly number[] } | null;
}

export function topicLine(it: TopicLine): string {
  const configs = it.configs.map(({ name, value }) => `${name}=${value}`).join(",");
  return fields([
    ["Topic", it.topic],
    ...(it.topicId === null ? [] : [["TopicId", it.topicId] as const]),
    ["PartitionCount", it.partitionCount],
    ["ReplicationFactor", it.replicationFactor],
    ["Configs", configs],
  ]);
}

export function partitionLine(it: PartitionLine): string {
  const line = fields([
    ["Topic", it.topic],
    ["Partition", it.partition],
    ["Leader", it.leader ?? "none"],
    ["Replicas", it.replicas.join(",")],
    ["Isr", it.isr.join(",")],
    ...(it.move === null ? [] : movingFields(it.move)),
    ["Elr", it.elr?.join(",") ?? "N/A"],
    ["LastKnownElr", it.lastKnownElr?.join(",") ?? "N/A"],
  ]);
  return `\t${line}`;
}

function movingFields({ addingReplicas, removingReplicas }: NonNullable<PartitionLine["move"]>): Field[] {
  return [
    ["Adding Replicas", addingReplicas.join(",")],
    ["Removing Replicas", removingReplicas.join(",")],
  ];
}

type Field = readonly [name: string, value: string | number];

function fields(pairs: readonly Field[]): string {
  return `${pairs.map(([name, value]) => `${name}: ${value}`).join("\t")}\n`;
}
