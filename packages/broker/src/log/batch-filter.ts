import { BatchBuilder, type BatchView, type RecordIterator } from "@ottla/protocol";
import type { CleanedTransactions } from "./cleaned-transactions.ts";
import type { OffsetMap } from "./offset-map.ts";
import type { ProducerState } from "./producer-state.ts";

/** What decides about the batches of one round of compaction. */
export interface FilterContext {
  readonly newest: OffsetMap;
  readonly transactions: CleanedTransactions;
  readonly producers: ProducerState;
  readonly records: RecordIterator;
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
}

/** What stays of a batch: itself, nothing, or other bytes. */
export type FilteredBatch = "whole" | "nothing" | Buffer;

/**
 * What a compaction keeps of a batch (Kafka's `Cleaner.cleanInto`, `MemoryRecords.filterTo`). A record goes when its key has a newer one below the map's end, when its transaction was aborted, or when it is a tombstone past its
 * delete horizon, which is set when a compaction first meets it (KIP-534). `isLastOfGroup`: its end must stay known, so at least its header is kept.
 */
export function filterBatch(batch: BatchView, context: FilterContext, isLastOfGroup: boolean): FilteredBatch {
  const { records, nowMs } = context;
  const canDiscard = context.transactions.canDiscard(batch);
  const isPastHorizon = batch.hasDeleteHorizon && batch.deleteHorizonMs <= nowMs;
  const discardsRecords = canDiscard && (!batch.isControl || isPastHorizon);
  const keepsHeader = isLastOfGroup || isLastOfProducer(batch, context.producers);
  const none = () => (keepsHeader ? emptied(batch) : "nothing");
  if (discardsRecords) return none();

  let kept = 0;
  let hasTombstone = false;
  records.reset(batch);
  while (records.next()) {
    if (!batch.isControl && !isKept(records, batch, context.newest, isPastHorizon)) continue;
    kept++;
    if (records.valueStart < 0) hasTombstone = true;
  }
  if (kept === 0) return none();
  const needsHorizon = (hasTombstone || (canDiscard && batch.isControl)) && !batch.hasDeleteHorizon;
  if (kept === batch.recordCount && !needsHorizon) return "whole";
  const horizonMs = needsHorizon ? nowMs + context.deleteRetentionMs : batch.deleteHorizonMs;
  return rebuilt(batch, context, isPastHorizon, horizonMs);
}

function isKept(records: RecordIterator, batch: BatchView, newest: OffsetMap, isPastHorizon: boolean): boolean {
  if (records.offset >= newest.endOffset) return true;
  const key = records.key();
  // Such a record can only stem from a time when the topic was not compacted.
  if (key === null) return false;
  if (records.offset < newest.get(key)) return false;
  return records.valueStart >= 0 || !(batch.hasDeleteHorizon && isPastHorizon);
}

/** Whether a producer's last sequence number, or its epoch, is known to the next start by this batch only. */
function isLastOfProducer(batch: BatchView, producers: ProducerState): boolean {
  if (batch.producerId < 0) return false;
  const producer = producers.producer(batch.producerId);
  if (producer === undefined) return false;
  const last = producer.lastBatch;
  if (last !== undefined) return batch.lastOffset === last.lastOffset;
  return batch.isControl && batch.producerEpoch === producer.epoch;
}

function headerOf(batch: BatchView) {
  const fields = {
    baseOffset: batch.baseOffset,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    lastOffsetDelta: batch.lastOffsetDelta,
  };
  return batch.timestampType === "LogAppendTime" ? { ...fields, logAppendTimeMs: batch.maxTimestamp } : fields;
}

/** The batch without its records: what is left is which offsets and sequence numbers it took. */
function emptied(batch: BatchView): Buffer {
  return new BatchBuilder().build({ ...headerOf(batch), maxTimestamp: batch.maxTimestamp });
}

function rebuilt(batch: BatchView, context: FilterContext, isPastHorizon: boolean, horizonMs: number): Buffer {
  const { records, newest } = context;
  const hasDeleteHorizon = horizonMs >= 0;
  const builder = new BatchBuilder({
    codec: batch.codec,
    initialSize: batch.size,
    ...(hasDeleteHorizon ? { baseTimestamp: horizonMs } : {}),
  });
  const baseOffset = batch.baseOffset;
  records.reset(batch);
  while (records.next()) {
    if (batch.isControl || isKept(records, batch, newest, isPastHorizon)) builder.appendCopy(records, baseOffset);
  }
  return builder.build({ ...headerOf(batch), hasDeleteHorizon });
}
