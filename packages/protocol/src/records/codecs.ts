/** How the records of a batch are compressed: Kafka's `compression.type`, less what only settings know (`producer`, `uncompressed`). */
export type Codec = "none" | "gzip" | "snappy" | "lz4" | "zstd";

/** The compression types; their place is their number in a batch's attributes. */
export const codecs: readonly Codec[] = ["none", "gzip", "snappy", "lz4", "zstd"];

/** The compression type of that number; undefined if there is none. */
export function codecOfId(id: number): Codec | undefined {
  return codecs[id];
}

export function codecId(codec: Codec): number {
  return codecs.indexOf(codec);
}
