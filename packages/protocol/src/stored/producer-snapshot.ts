import { array, int16, int32, int64, message, uint32, type Value } from "../schema.ts";

/** Producers that a partition remembers. The CRC-32C covers all that follows it. */
export const producerSnapshot = message(
  "ProducerSnapshot",
  { versions: [1, 1], flexible: "none" },
  {
    crc: uint32(),
    producerEntries: array({
      producerId: int64(),
      epoch: int16(),
      lastSequence: int32(),
      lastOffset: int64(),
      offsetDelta: int32(),
      timestamp: int64(),
      coordinatorEpoch: int32(),
      currentTxnFirstOffset: int64(),
    }),
  },
);
export type ProducerSnapshot = Value<typeof producerSnapshot>;
