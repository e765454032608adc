import type { RecordIterator } from "@ottla/protocol";

/** Offset, timestamp, key start, key end, value start, value end, headers, buffer; the first two as differences to the first record's. */
const stride = 8;
const largestDelta = 0x7fffffff;
/** Batches that were stored compressed have a buffer each; small ones join until they hold so many bytes. */
const largestJoinedSize = 1_048_576;

/**
 * Where the records of a batch lie: a few numbers per record and nothing else, so that keys and values are decoded when they are asked for, in any order and as
 * often as wanted.
 */
export class RecordIndex {
  /** What the places refer to: one for all batches that were stored uncompressed, one for each of the others. */
  readonly #buffers: Buffer[];
  #bufferedSize: number;
  readonly firstOffset: number;
  count = 0;
  readonly #firstTimestamp: number;
  #places: Int32Array;
  /** In full, once a difference does not fit. */
  #timestamps: number[] | null = null;

  constructor(first: RecordIterator, capacity: number) {
    this.#buffers = [first.bytes];
    this.#bufferedSize = first.bytes.length;
    this.firstOffset = first.offset;
    this.#firstTimestamp = first.timestamp;
    this.#places = new Int32Array(capacity * stride);
  }

  /** Whether records in `bytes` up to `lastOffset` can join: not too many bytes, and not too far away. */
  reaches(bytes: Buffer, lastOffset: number): boolean {
    if (lastOffset - this.firstOffset > largestDelta) return false;
    return bytes === this.#buffers.at(-1) || this.#bufferedSize + bytes.length <= largestJoinedSize;
  }

  add(record: RecordIterator): void {
    const at = this.count * stride;
    if (at === this.#places.length) this.#grow();
    if (record.bytes !== this.#buffers[this.#buffers.length - 1]) {
      this.#buffers.push(record.bytes);
      this.#bufferedSize += record.bytes.length;
    }
    const places = this.#places;
    const timestampDelta = record.timestamp - this.#firstTimestamp;
    if (this.#timestamps !== null) this.#timestamps.push(record.timestamp);
    else if (timestampDelta !== (timestampDelta | 0)) this.#keepTimestamps(record.timestamp);
    places[at] = record.offset - this.firstOffset;
    places[at + 1] = timestampDelta;
    places[at + 2] = record.keyStart;
    places[at + 3] = record.keyEnd;
    places[at + 4] = record.valueStart;
    places[at + 5] = record.valueEnd;
    places[at + 6] = record.headerCount === 0 ? 0 : headersStart(record);
    places[at + 7] = this.#buffers.length - 1;
    this.count++;
  }

  offset(index: number): number {
    return this.firstOffset + this.#places[index * stride]!;
  }

  timestamp(index: number): number {
    return this.#timestamps === null
      ? this.#firstTimestamp + this.#places[index * stride + 1]!
      : this.#timestamps[index]!;
  }

  /** What the record's places refer to. */
  bytes(index: number): Buffer {
    return this.#buffers[this.#places[index * stride + 7]!]!;
  }

  /** -1 where the key is null. */
  keyStart(index: number): number {
    return this.#places[index * stride + 2]!;
  }

  keyEnd(index: number): number {
    return this.#places[index * stride + 3]!;
  }

  /** -1 where the value is null. */
  valueStart(index: number): number {
    return this.#places[index * stride + 4]!;
  }

  valueEnd(index: number): number {
    return this.#places[index * stride + 5]!;
  }

  /** Where the number of headers stands; 0 where there are none. */
  headersStart(index: number): number {
    return this.#places[index * stride + 6]!;
  }

  #grow(): void {
    const places = new Int32Array(this.#places.length * 2);
    places.set(this.#places);
    this.#places = places;
  }

  #keepTimestamps(next: number): void {
    const timestamps: number[] = [];
    for (let index = 0; index < this.count; index++) timestamps.push(this.timestamp(index));
    timestamps.push(next);
    this.#timestamps = timestamps;
  }
}

/** The headers follow the value; a null key or value is one byte that says so. */
function headersStart(record: RecordIterator): number {
  if (record.valueStart >= 0) return record.valueEnd;
  return (record.keyStart >= 0 ? record.keyEnd : record.bodyStart + 1) + 1;
}
