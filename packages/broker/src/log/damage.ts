import { batchHeaderSize, batchLayout, batchPrefixSize, crc32c } from "@ottla/protocol";
import type { LogEnvironment } from "./environment.ts";
import { readInt64 } from "./int64.ts";
import type { LazyFile } from "./open-files.ts";
import type { Segment } from "./segment.ts";

const chunkSize = 1024 * 1024;
const largestCodecId = 4;

/** Where a log is damaged, so that it can't be used before somebody has decided what to do. */
export interface LogDamage {
  /** The `.log` file. */
  readonly file: string;
  /** Where in it the damage starts. */
  readonly position: number;
  /** The offset that was expected there: records below it are sound. */
  readonly offset: number;
  /** What was found. */
  readonly reason: string;
}

/** A log has damage that is not a torn tail. */
export class LogDamagedError extends Error {
  override readonly name = "LogDamagedError";
  readonly damage: LogDamage;

  constructor(damage: LogDamage) {
    super(
      `${damage.file} is damaged at position ${damage.position} (offset ${damage.offset}): ${damage.reason}. ` +
        "Nothing was changed. `ottla log repair` sets the damaged tail aside.",
    );
    this.damage = damage;
  }
}

/**
 * Why the bad bytes at `position` of a segment can't be the torn end of a write, or null where they can. A torn write leaves a prefix of what was to be written, with zeros or old bytes in between: never a batch that matches its
 * checksum at the bad place itself or behind it.
 */
export function findEvidence(
  environment: LogEnvironment,
  segment: Segment,
  position: number,
  later: readonly Segment[],
  expectedOffset: number,
  newestEpoch: number,
): string | null {
  const search = new BatchSearch(environment, expectedOffset, newestEpoch);
  const here = search.isWholeAt(segment.log, position, segment.writtenSize);
  if (here !== null) return here;
  const behind = search.find(segment.log, position + 1, segment.writtenSize);
  if (behind >= 0) return `a valid batch follows at position ${behind}, so it is not a torn write`;
  for (const next of later) {
    const found = search.find(next.log, 0, next.writtenSize);
    if (found >= 0) return `a valid batch follows at position ${found} of ${next.log.path}, so it is not a torn write`;
  }
  return null;
}

/** Looks for valid batches among other bytes. */
class BatchSearch {
  readonly #environment: LogEnvironment;
  readonly #expectedOffset: number;
  readonly #newestEpoch: number;

  constructor(environment: LogEnvironment, expectedOffset: number, newestEpoch: number) {
    this.#environment = environment;
    this.#expectedOffset = expectedOffset;
    this.#newestEpoch = newestEpoch;
  }

  /** Says so where a batch at just this position matches its checksum, though other fields (or its length) are wrong. */
  isWholeAt(file: LazyFile, position: number, end: number): string | null {
    const left = end - position;
    if (left < batchHeaderSize) return null;
    const header = Buffer.alloc(batchHeaderSize);
    file.get().read(position, header);
    const crc = header.readUInt32BE(batchLayout.crc);
    const size = header.readInt32BE(batchLayout.length) + batchPrefixSize;
    if (size >= batchHeaderSize && size <= left && this.#crcOf(file, position, size) === crc) {
      return "the batch there matches its checksum, so it is not a torn write";
    }
    if (size !== left && this.#crcOf(file, position, left) === crc) {
      return "all that follows matches the batch's checksum but for its length, so it is not a torn write";
    }
    return null;
  }

  /** Position of the first valid batch that starts within the range, with an offset and an epoch that could follow; -1 where there is none. */
  find(file: LazyFile, start: number, end: number): number {
    const chunk = this.#environment.buffers.acquire(Math.min(chunkSize, Math.max(0, end - start)));
    try {
      for (let from = start; from + batchHeaderSize <= end; from += chunk.length - batchHeaderSize) {
        const size = file.get().read(from, chunk.subarray(0, end - from));
        const found = this.#findIn(chunk.subarray(0, size), file, from, end);
        if (found >= 0) return found;
        if (size < chunk.length) break;
      }
      return -1;
    } finally {
      this.#environment.buffers.release(chunk);
    }
  }

  #findIn(chunk: Buffer, file: LazyFile, from: number, end: number): number {
    let magic = chunk.indexOf(2, batchLayout.magic);
    for (; magic >= 0; magic = chunk.indexOf(2, magic + 1)) {
      const at = magic - batchLayout.magic;
      if (at + batchHeaderSize > chunk.length) return -1;
      const size = chunk.readInt32BE(at + batchLayout.length) + batchPrefixSize;
      if (size < batchHeaderSize || from + at + size > end || !this.#isPlausible(chunk, at)) continue;
      if (this.#crcOf(file, from + at, size) === chunk.readUInt32BE(at + batchLayout.crc)) return from + at;
    }
    return -1;
  }

  #isPlausible(chunk: Buffer, at: number): boolean {
    const attributes = chunk.readUInt16BE(at + batchLayout.attributes);
    return (
      readInt64(chunk, at) >= this.#expectedOffset &&
      chunk.readInt32BE(at + batchLayout.partitionLeaderEpoch) <= this.#newestEpoch &&
      (attributes & 0x07) <= largestCodecId &&
      attributes < 0x80 &&
      chunk.readInt32BE(at + batchLayout.lastOffsetDelta) >= 0 &&
      chunk.readInt32BE(at + batchLayout.recordCount) >= 0
    );
  }

  #crcOf(file: LazyFile, position: number, size: number): number {
    const { buffers } = this.#environment;
    const buffer = buffers.acquire(Math.min(size, chunkSize));
    let crc = 0;
    try {
      for (let at = batchLayout.attributes; at < size; ) {
        const part = buffer.subarray(0, Math.min(buffer.length, size - at));
        const read = file.get().read(position + at, part);
        if (read === 0) break;
        crc = crc32c(part, 0, read, crc);
        at += read;
      }
    } finally {
      buffers.release(buffer);
    }
    return crc;
  }
}
