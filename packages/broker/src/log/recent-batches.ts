import type { BufferPool } from "./buffer-pool.ts";
import type { ProducedBatch } from "./producer-entry.ts";
import type { ProducerState } from "./producer-state.ts";
import type { Segment } from "./segment.ts";
import { SegmentReader } from "./segment-reader.ts";

/** Five batches as large as brokers take them by default, and what others wrote in between. */
const tailSize = 8 * 1024 * 1024;

/**
 * Reads the producers' last batches off the end of the log. Kafka's snapshots hold of each producer the last one only, but a client that was cut off in the middle of five requests sends all of them again,
 * the oldest first: were that one not recognised, the client would have to start a new epoch, and its records would be there twice.
 */
export function recallBatches(segments: readonly Segment[], producers: ProducerState, buffers: BufferPool): void {
  if (producers.size === 0) return;
  let left = tailSize;
  let first = segments.length;
  while (first > 0 && left > 0) left -= segments[--first]!.writtenSize;
  const recent = new Map<number, ProducedBatch[]>();
  for (const [at, segment] of segments.slice(first).entries()) {
    readInto(recent, segment, at === 0 && left < 0 ? positionBefore(segment, -left) : 0, producers, buffers);
  }
  for (const [producerId, batches] of recent) producers.producer(producerId)!.recall(batches);
}

/** Adds the segment's batches from `start` on that came before the last one that is known of their producer, in its epoch. */
function readInto(
  recent: Map<number, ProducedBatch[]>,
  segment: Segment,
  start: number,
  producers: ProducerState,
  buffers: BufferPool,
): void {
  const reader = new SegmentReader(segment.log, start, segment.writtenSize, buffers);
  try {
    while (reader.next()) {
      const { producerId, producerEpoch, isControl, lastSequence, lastOffset, lastOffsetDelta, maxTimestamp } =
        reader.view;
      if (producerId < 0 || isControl) continue;
      const entry = producers.producer(producerId);
      if (entry?.lastBatch === undefined || entry.epoch !== producerEpoch || lastOffset >= entry.lastBatch.lastOffset) {
        continue;
      }
      const batch = { lastSequence, lastOffset, offsetDelta: lastOffsetDelta, timestampMs: maxTimestamp };
      const batches = recent.get(producerId);
      if (batches === undefined) recent.set(producerId, [batch]);
      else batches.push(batch);
    }
  } finally {
    reader.close();
  }
}

/** Where a batch starts, at or before `position`, as far as the index knows. */
function positionBefore({ offsetIndex }: Segment, position: number): number {
  let low = 0;
  let high = offsetIndex.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsetIndex.entry(middle)?.position ?? Number.POSITIVE_INFINITY) <= position) low = middle + 1;
    else high = middle;
  }
  return offsetIndex.entry(low - 1)?.position ?? 0;
}
