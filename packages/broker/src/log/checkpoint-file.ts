/** An offset per partition, as Kafka's checkpoint files hold it. Keys are directory names: `order-events-3`. */
export type OffsetCheckpoint = Map<string, number>;

/** Names of Kafka's checkpoint files in the log directory. */
export const checkpointFiles = {
  /** Up to where a log is known to be synced: what lies below needs no recovery. */
  recoveryPoint: "recovery-point-offset-checkpoint",
  /** The high watermark. */
  replication: "replication-offset-checkpoint",
  /** Where a log starts, if not at its first segment's first offset. */
  logStart: "log-start-offset-checkpoint",
  /** Up to where a log has been compacted. */
  cleaner: "cleaner-offset-checkpoint",
} as const;

/** Kafka's `CheckpointFile`, version 0: version, number of entries, then `topic partition offset`, a line each. */
export function formatOffsetCheckpoint(offsets: OffsetCheckpoint): Buffer {
  const lines = ["0", String(offsets.size)];
  for (const [name, offset] of offsets) {
    const dash = name.lastIndexOf("-");
    lines.push(`${name.slice(0, dash)} ${name.slice(dash + 1)} ${offset}`);
  }
  return Buffer.from(`${lines.join("\n")}\n`);
}

/** The content of a checkpoint file; null where it is not one (an empty file is an empty checkpoint, as Kafka's cleaner leaves it). */
export function parseOffsetCheckpoint(content: Buffer): OffsetCheckpoint | null {
  const offsets: OffsetCheckpoint = new Map();
  const rows = parseCheckpointRows(content, 3);
  if (rows === null) return null;
  for (const [topic, partition, text] of rows) {
    const offset = Number(text);
    if (!Number.isSafeInteger(offset)) return null;
    offsets.set(`${topic}-${partition}`, offset);
  }
  return offsets;
}

/** The rows of a checkpoint file of version 0, each split into `columnCount` words; null where the file is damaged. */
export function parseCheckpointRows(content: Buffer, columnCount: number): string[][] | null {
  const text = content.toString();
  if (text.length === 0) return [];
  const lines = text.split("\n");
  // Every line is ended, the last one too: without that a number that was cut short would pass for one.
  if (lines.pop() !== "") return null;
  if (lines[0] !== "0" || lines[1] === undefined || !/^\d+$/.test(lines[1])) return null;
  if (Number(lines[1]) !== lines.length - 2) return null;
  const rows = lines.slice(2).map((line) => line.split(" "));
  return rows.every((row) => row.length === columnCount) ? rows : null;
}
