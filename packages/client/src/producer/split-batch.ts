import { BatchBuilder, BatchView, RecordIterator } from "@ottla/protocol";
import { Batch } from "./batch.ts";

/**
 * Cuts a batch that the broker finds too large in two, record for record; who waits goes with the records. The parts take the batch's memory over, half each.
 */
export function splitBatch(batch: Batch): [Batch, Batch] {
  const records = new RecordIterator(new BatchView(batch.encode()), {
    maxDecompressedSize: batch.builder.uncompressedSize * 2,
  });
  const cut = Math.ceil(batch.recordCount / 2);
  const first = partOf(batch, 0, cut, records);
  const second = partOf(batch, cut, batch.recordCount, records);
  return [first, second];
}

function partOf(batch: Batch, from: number, to: number, records: RecordIterator): Batch {
  const { queue, order, createdAt } = batch;
  const memory = from === 0 ? Math.ceil(batch.memory / 2) : Math.floor(batch.memory / 2);
  const builder = new BatchBuilder({ codec: batch.builder.codec, initialSize: Math.ceil(batch.builder.capacity / 2) });
  const part = new Batch({ queue, builder, order, part: batch.part + from, createdAt, memory });
  for (let index = from; index < to && records.next(); index++) builder.appendCopy(records, from);
  part.waiters = batch.waiters.slice(from, to);
  part.slots = batch.slots.slice(from, to);
  part.timestamps = batch.timestamps.slice(from, to);
  part.state = "queued";
  return part;
}
