import { crc32c } from "@ottla/protocol";
import { readInt64, writeInt64 } from "./int64.ts";
import { ProducerEntry } from "./producer-entry.ts";

const version = 1;
/** Version, CRC and number of entries. */
const headerSize = 10;
const entrySize = 46;
const crcPosition = 2;
const crcEnd = 6;

/** A `.snapshot` file's content (Kafka's `ProducerStateManager`, version 1): of each producer the last batch only. */
export function formatProducerSnapshot(producers: Iterable<ProducerEntry>, count: number): Buffer {
  const bytes = Buffer.alloc(headerSize + count * entrySize);
  bytes.writeInt16BE(version, 0);
  bytes.writeInt32BE(count, crcEnd);
  let at = headerSize;
  for (const producer of producers) {
    const last = producer.lastBatch;
    writeInt64(bytes, producer.producerId, at);
    bytes.writeInt16BE(producer.epoch, at + 8);
    bytes.writeInt32BE(last?.lastSequence ?? -1, at + 10);
    writeInt64(bytes, last?.lastOffset ?? -1, at + 14);
    bytes.writeInt32BE(last?.offsetDelta ?? 0, at + 22);
    writeInt64(bytes, producer.lastTimestampMs, at + 26);
    bytes.writeInt32BE(producer.coordinatorEpoch, at + 34);
    writeInt64(bytes, producer.currentTransactionFirstOffset, at + 38);
    at += entrySize;
  }
  bytes.writeUInt32BE(crc32c(bytes, crcEnd), crcPosition);
  return bytes;
}

/** The producers of a `.snapshot` file; null where it is damaged or of another version. */
export function parseProducerSnapshot(bytes: Buffer): ProducerEntry[] | null {
  if (bytes.length < headerSize || bytes.readInt16BE(0) !== version) return null;
  const count = bytes.readInt32BE(crcEnd);
  if (count < 0 || bytes.length !== headerSize + count * entrySize) return null;
  if (bytes.readUInt32BE(crcPosition) !== crc32c(bytes, crcEnd)) return null;
  const producers: ProducerEntry[] = [];
  for (let at = headerSize; at < bytes.length; at += entrySize) {
    const producer = new ProducerEntry(readInt64(bytes, at));
    const epoch = bytes.readInt16BE(at + 8);
    const timestampMs = readInt64(bytes, at + 26);
    const batch = {
      lastSequence: bytes.readInt32BE(at + 10),
      lastOffset: readInt64(bytes, at + 14),
      offsetDelta: bytes.readInt32BE(at + 22),
      timestampMs,
    };
    if (batch.lastOffset >= 0) producer.addBatch(epoch, batch);
    producer.epoch = epoch;
    producer.lastTimestampMs = timestampMs;
    producer.coordinatorEpoch = bytes.readInt32BE(at + 34);
    producer.currentTransactionFirstOffset = readInt64(bytes, at + 38);
    producers.push(producer);
  }
  return producers;
}
