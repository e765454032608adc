import { BatchView, batchHeaderSize, batchLayout, batchPrefixSize } from "./batch-view.ts";
import { CorruptBatchError } from "./errors.ts";
import { int32At, isSafeInt64 } from "./int64.ts";

/** The smallest message of the formats before 2: what comes behind offset and length. */
const smallestOldSize = 14;

/**
 * Walks over the batches of a buffer. What is cut at the end (as brokers may answer a fetch) ends the walk without an
 * error; `position` then says where the last whole batch ended.
 *
 * A batch's frame is checked (size, message format, 64-bit fields in range), its CRC and its records are not.
 */
export class BatchCursor {
  /** The current batch, valid after `next()` returned true. The same object for every batch. */
  readonly view = new BatchView();
  /** Where the next batch starts. */
  position = 0;
  private buffer: Buffer;
  private end: number;

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.buffer = buffer;
    this.position = start;
    this.end = end;
  }

  /** Points the cursor at other bytes. */
  reset(buffer: Buffer, start = 0, end = buffer.length): this {
    this.buffer = buffer;
    this.position = start;
    this.end = end;
    return this;
  }

  /** Whether every byte was part of a whole batch so far. False with a cut batch at the end. */
  get isAtEnd(): boolean {
    return this.position === this.end;
  }

  /** Goes to the next whole batch; false if there is none. Throws `CorruptBatchError`. */
  next(): boolean {
    const size = checkedBatchSize(this.buffer, this.position, this.end);
    if (size === 0) return false;
    this.view.reset(this.buffer, this.position);
    this.position += size;
    return true;
  }
}

/**
 * The size in bytes of the batch at `position`; 0 if it is cut (or nothing is there). Throws `CorruptBatchError` if
 * what lies there cannot be a batch of message format 2.
 */
export function checkedBatchSize(buffer: Buffer, position: number, end: number): number {
  const left = end - position;
  if (left < batchPrefixSize) return 0;
  const length = int32At(buffer, position + batchLayout.length);
  if (length < smallestOldSize)
    throw corrupt("size", position, `the length ${length} is below the minimum of ${smallestOldSize}`);
  if (left <= batchLayout.magic) return 0;
  // The magic lies in the same place in every message format.
  const magic = buffer[position + batchLayout.magic]!;
  if (magic !== 2) throw wrongMagic(position, magic);
  const size = length + batchPrefixSize;
  if (size < batchHeaderSize) {
    throw corrupt("size", position, `the size ${size} is below the ${batchHeaderSize} of a batch's header`);
  }
  if (size > left) return 0;
  checkRange(buffer, position, "base offset", batchLayout.baseOffset);
  checkRange(buffer, position, "base timestamp", batchLayout.baseTimestamp);
  checkRange(buffer, position, "max timestamp", batchLayout.maxTimestamp);
  checkRange(buffer, position, "producer id", batchLayout.producerId);
  return size;
}

function checkRange(buffer: Buffer, position: number, field: string, at: number): void {
  if (!isSafeInt64(buffer, position + at)) {
    throw corrupt("range", position, `the ${field} ${buffer.readBigInt64BE(position + at)} is beyond 2^53 - 1`);
  }
}

function wrongMagic(position: number, magic: number): CorruptBatchError {
  return magic < 2
    ? corrupt("oldFormat", position, `message format ${magic} (before Kafka 0.11) is not supported`)
    : corrupt("magic", position, `unknown message format ${(magic << 24) >> 24}`);
}

function corrupt(kind: "size" | "magic" | "oldFormat" | "range", position: number, reason: string): CorruptBatchError {
  return new CorruptBatchError(kind, position, reason);
}
