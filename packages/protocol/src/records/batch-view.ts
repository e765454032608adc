import { type Codec, codecOfId } from "./codecs.ts";
import { crc32c } from "./crc32c.ts";
import { CorruptBatchError } from "./errors.ts";
import { int32At, int64At, setInt32At, setInt64At } from "./int64.ts";

/** Size of a batch's header, from base offset to record count. */
export const batchHeaderSize = 61;
/** Size of what stands before the part that the batch's length counts: base offset and length. */
export const batchPrefixSize = 12;

/** Where the fields of a batch (message format 2, KIP-98) lie, from the batch's start. */
export const batchLayout = {
  baseOffset: 0,
  length: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  /** The CRC covers everything from here to the end. */
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const;

/** Bits of a batch's attributes. */
export const batchAttributes = {
  codecMask: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  deleteHorizon: 0x40,
} as const;

/** Who set the records' timestamps: the producer, or the broker when it appended them (`message.timestamp.type`). */
export type TimestampType = "CreateTime" | "LogAppendTime";

const empty = Buffer.alloc(0);

/**
 * A record batch as it lies in a buffer: nothing is decoded until it is asked for, and one view can be pointed at
 * batch after batch. The view trusts that a whole batch lies there: `BatchCursor` checks that.
 *
 * Numbers of 64 bits are exact up to 2^53 - 1; `BatchCursor` refuses batches that go beyond.
 */
export class BatchView {
  /** The buffer that the batch lies in. */
  buffer: Buffer = empty;
  /** Where in `buffer` the batch starts. */
  position = 0;

  constructor(buffer?: Buffer, position = 0) {
    if (buffer !== undefined) this.reset(buffer, position);
  }

  /** Points the view at the batch at `position` of `buffer`. */
  reset(buffer: Buffer, position: number): this {
    this.buffer = buffer;
    this.position = position;
    return this;
  }

  /** The offset of the first record that the producer wrote (which compaction may have removed). */
  get baseOffset(): number {
    return int64At(this.buffer, this.position);
  }

  /** The whole batch's size in bytes, base offset and length included. */
  get size(): number {
    return int32At(this.buffer, this.position + batchLayout.length) + batchPrefixSize;
  }

  /** Where in `buffer` the batch ends. */
  get end(): number {
    return this.position + this.size;
  }

  /** The epoch of the leader that appended the batch; -1 on its way from a producer. */
  get partitionLeaderEpoch(): number {
    return int32At(this.buffer, this.position + batchLayout.partitionLeaderEpoch);
  }

  /** The message format: 2 for everything that this view understands. */
  get magic(): number {
    return (this.buffer[this.position + batchLayout.magic]! << 24) >> 24;
  }

  /** The CRC-32C as stored, unsigned. */
  get crc(): number {
    return int32At(this.buffer, this.position + batchLayout.crc) >>> 0;
  }

  /** All attribute bits; see `batchAttributes`. */
  get attributes(): number {
    const at = this.position + batchLayout.attributes;
    return (this.buffer[at]! << 8) | this.buffer[at + 1]!;
  }

  /** The compression type's number; 5 to 7 mean nothing. */
  get codecId(): number {
    return this.buffer[this.position + batchLayout.attributes + 1]! & batchAttributes.codecMask;
  }

  /** The compression type. Throws `CorruptBatchError` (kind `codec`) if there is none of that number. */
  get codec(): Codec {
    const codec = codecOfId(this.codecId);
    if (codec === undefined) {
      throw new CorruptBatchError("codec", this.position, `unknown compression type ${this.codecId}`);
    }
    return codec;
  }

  get isCompressed(): boolean {
    return this.codecId !== 0;
  }

  get timestampType(): TimestampType {
    return this.hasAttribute(batchAttributes.logAppendTime) ? "LogAppendTime" : "CreateTime";
  }

  get isTransactional(): boolean {
    return this.hasAttribute(batchAttributes.transactional);
  }

  /** Whether the batch holds markers for brokers (see `control.ts`) instead of an application's records. */
  get isControl(): boolean {
    return this.hasAttribute(batchAttributes.control);
  }

  get hasDeleteHorizon(): boolean {
    return this.hasAttribute(batchAttributes.deleteHorizon);
  }

  /** When compaction may drop the batch's tombstones and markers, in ms; -1 if compaction has not set it (KIP-534). */
  get deleteHorizonMs(): number {
    return this.hasDeleteHorizon ? this.baseTimestamp : -1;
  }

  get lastOffsetDelta(): number {
    return int32At(this.buffer, this.position + batchLayout.lastOffsetDelta);
  }

  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta;
  }

  /** The offset after the batch's last. */
  get nextOffset(): number {
    return this.lastOffset + 1;
  }

  /** What the records' timestamps count from, in ms. With a delete horizon this is the horizon, not a record's time. */
  get baseTimestamp(): number {
    return int64At(this.buffer, this.position + batchLayout.baseTimestamp);
  }

  /** The largest timestamp of the batch's records in ms; -1 if they have none. */
  get maxTimestamp(): number {
    return int64At(this.buffer, this.position + batchLayout.maxTimestamp);
  }

  /** -1 without idempotence. */
  get producerId(): number {
    return int64At(this.buffer, this.position + batchLayout.producerId);
  }

  get producerEpoch(): number {
    const at = this.position + batchLayout.producerEpoch;
    return ((this.buffer[at]! << 24) >> 16) | this.buffer[at + 1]!;
  }

  /** The sequence number of the first record; -1 without idempotence. */
  get baseSequence(): number {
    return int32At(this.buffer, this.position + batchLayout.baseSequence);
  }

  /** The sequence number of the last record; it goes from 2^31 - 1 back to 0. -1 without idempotence. */
  get lastSequence(): number {
    const base = this.baseSequence;
    return base === -1 ? -1 : addToSequence(base, this.lastOffsetDelta);
  }

  /** How many records the batch says it holds. */
  get recordCount(): number {
    return int32At(this.buffer, this.position + batchLayout.recordCount);
  }

  /** Where in `buffer` the records start; compressed, if the batch is. */
  get recordsStart(): number {
    return this.position + batchHeaderSize;
  }

  /** The CRC-32C of the batch as it is, unsigned. */
  computeCrc(): number {
    return crc32c(this.buffer, this.position + batchLayout.attributes, this.end);
  }

  isCrcValid(): boolean {
    return this.computeCrc() === this.crc;
  }

  /** Sets the base offset in place. The CRC does not cover it. */
  setBaseOffset(offset: number): void {
    setInt64At(this.buffer, this.position, offset);
  }

  /** Sets the base offset in place so that the batch's last offset becomes `offset`. */
  setLastOffset(offset: number): void {
    this.setBaseOffset(offset - this.lastOffsetDelta);
  }

  /** Sets the leader epoch in place. The CRC does not cover it. */
  setPartitionLeaderEpoch(epoch: number): void {
    setInt32At(this.buffer, this.position + batchLayout.partitionLeaderEpoch, epoch);
  }

  /** Gives every record the broker's time, in ms, and computes the CRC anew. */
  setLogAppendTime(timeMs: number): void {
    this.buffer[this.position + batchLayout.attributes + 1]! |= batchAttributes.logAppendTime;
    setInt64At(this.buffer, this.position + batchLayout.maxTimestamp, timeMs);
    this.updateCrc();
  }

  /** Sets the largest timestamp in place, in ms, and computes the CRC anew. The timestamps stay the producer's. */
  setMaxTimestamp(timeMs: number): void {
    this.buffer[this.position + batchLayout.attributes + 1]! &= ~batchAttributes.logAppendTime;
    setInt64At(this.buffer, this.position + batchLayout.maxTimestamp, timeMs);
    this.updateCrc();
  }

  /** Gives the batch to another producer id, epoch or sequence (before it is sent again), and computes the CRC anew. */
  setProducerState(producerId: number, producerEpoch: number, baseSequence: number): void {
    const at = this.position + batchLayout.producerEpoch;
    setInt64At(this.buffer, this.position + batchLayout.producerId, producerId);
    this.buffer[at] = producerEpoch >> 8;
    this.buffer[at + 1] = producerEpoch;
    setInt32At(this.buffer, this.position + batchLayout.baseSequence, baseSequence);
    this.updateCrc();
  }

  /** Stores the CRC of the batch as it is. */
  updateCrc(): void {
    setInt32At(this.buffer, this.position + batchLayout.crc, this.computeCrc());
  }

  /** The whole batch: a slice of `buffer`, not a copy. */
  bytes(): Buffer {
    return this.buffer.subarray(this.position, this.end);
  }

  private hasAttribute(bit: number): boolean {
    return (this.buffer[this.position + batchLayout.attributes + 1]! & bit) !== 0;
  }
}

/** The sequence number `count` after `sequence`: behind 2^31 - 1 comes 0 (Kafka's `DefaultRecordBatch.incrementSequence`). */
export function addToSequence(sequence: number, count: number): number {
  const sum = sequence + count;
  return sum > 0x7fffffff ? sum - 0x80000000 : sum;
}
