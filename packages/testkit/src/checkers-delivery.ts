import { contents, type Fault } from "./checkers.ts";
import type { History, PartitionKey } from "./history.ts";

/** What a member has of a partition that it owns. */
interface Reading {
  /** The last offset that the application was handed; null since the partition came. */
  last: number | null;
  /** What the group had committed when the member asked, -1 for nothing; null where it has not asked. */
  committed: number | null;
}

/**
 * What members of a group are handed: from the committed offset on, without a gap or a repetition for as long as they own the partition, other partitions' rebalances notwithstanding.
 * Needs the calls that the broker answered.
 */
export function checkDelivery(history: History): Fault[] {
  const faults: Fault[] = [];
  const all = contents(history);
  const members = new Map<string, Map<PartitionKey, Reading>>();
  const asked = new Map<string, Map<PartitionKey, number>>();
  const hasRecord = (partition: PartitionKey, from: number, to: number) => {
    for (let offset = from; offset < to; offset++) if (all.get(partition)?.has(offset)) return offset;
    return null;
  };
  for (const entry of history.entries) {
    const { process } = entry;
    if (entry.type === "crash") {
      members.delete(process);
      asked.delete(process);
    } else if (entry.type === "assign") {
      const before = members.get(process) ?? new Map<PartitionKey, Reading>();
      const now = new Map<PartitionKey, Reading>();
      for (const partition of entry.partitions) {
        now.set(partition, before.get(partition) ?? { last: null, committed: null });
      }
      members.set(process, now);
    } else if (entry.type === "call" && entry.api === "OFFSET_FETCH" && entry.offsets !== null) {
      const mine = asked.get(process) ?? new Map<PartitionKey, number>();
      asked.set(process, mine);
      for (const [partition, offset] of Object.entries(entry.offsets)) mine.set(partition, offset);
    } else if (entry.type === "poll") {
      for (const { partition, offset } of entry.records) {
        const reading = members.get(process)?.get(partition);
        // Not its own: another checker's business.
        if (reading === undefined) continue;
        const where = `${process} was handed offset ${offset}`;
        if (reading.last === null) {
          const committed = asked.get(process)?.get(partition) ?? -1;
          if (offset < committed)
            faults.push({ kind: "redelivered", partition, what: `${where} though ${committed} was committed` });
          const gap = hasRecord(partition, Math.max(0, committed), offset);
          if (gap !== null)
            faults.push({
              kind: "skipped",
              partition,
              what: `${where} first, though ${committed} was committed and there is a record at ${gap}`,
            });
        } else {
          if (offset <= reading.last) faults.push({ kind: "order", partition, what: `${where} after ${reading.last}` });
          const gap = hasRecord(partition, reading.last + 1, offset);
          if (gap !== null)
            faults.push({ kind: "skipped", partition, what: `${where} after ${reading.last}, but not ${gap}` });
        }
        reading.last = offset;
      }
    }
  }
  return faults;
}
