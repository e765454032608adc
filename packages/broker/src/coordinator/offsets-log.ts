import type { Partition } from "../log/partition.ts";

/** What the coordinator needs of a partition of `__consumer_offsets`. */
export type OffsetsLog = Pick<
  Partition,
  | "topic"
  | "index"
  | "logStartOffset"
  | "logEndOffset"
  | "highWatermark"
  | "offline"
  | "closed"
  | "config"
  | "append"
  | "read"
  | "onAdvance"
>;
