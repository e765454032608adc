import { BatchCursor, type BatchView, controlTypeOf, RecordIterator } from "@ottla/protocol";
import type { Logger } from "@ottla/runtime";
import type { GroupMachine } from "./group-machine.ts";
import { decodeGroupRecord } from "./group-record-codec.ts";
import type { OffsetsLog } from "./offsets-log.ts";

/** How much of the log is read at a time. */
const readSize = 1_048_576;

/** The log holds something that cannot be replayed. The message says what and where. */
export class ReplayError extends Error {
  override readonly name = "ReplayError";
}

/** Brings a machine to where the log of a partition of `__consumer_offsets` ends, one stretch after the other. */
export class GroupReplay {
  private readonly partition: OffsetsLog;
  private readonly machine: GroupMachine;
  private readonly logger: Logger;
  private readonly records = new RecordIterator();
  private nextOffset: number;
  private readonly unknown = new Set<number>();

  constructor(partition: OffsetsLog, machine: GroupMachine, logger: Logger) {
    this.partition = partition;
    this.machine = machine;
    this.logger = logger;
    this.nextOffset = partition.logStartOffset;
  }

  /** Replays the next stretch; true when there is none left. Throws a `ReplayError`. */
  step(): boolean {
    const { partition } = this;
    // Nothing is read of a log that is known to be empty, so that its files stay closed.
    if (this.nextOffset >= partition.logEndOffset) return true;
    const read = partition.read(this.nextOffset, readSize, { isolation: "logEnd", minOneBatch: true });
    try {
      if (read.errorCode !== 0)
        throw new ReplayError(`${this.place()} cannot be read: ${read.errorMessage ?? read.errorCode}`);
      const before = this.nextOffset;
      const cursor = new BatchCursor(read.records);
      while (cursor.next()) this.replayBatch(cursor.view);
      if (this.nextOffset === before) throw new ReplayError(`${this.place()} has no batch`);
    } catch (error) {
      if (error instanceof ReplayError) throw error;
      // Whatever it is: it is this partition's damage, not the broker's.
      const reason = error instanceof Error ? error.message : String(error);
      throw new ReplayError(`${this.place()} cannot be replayed: ${reason}`, { cause: error });
    } finally {
      read.release();
    }
    return this.nextOffset >= partition.logEndOffset;
  }

  private replayBatch(view: BatchView): void {
    const { records, machine } = this;
    const { nextOffset, isControl, isTransactional, producerId } = view;
    // Only within a transaction does a commit wait for the end of its producer's work.
    const origin = isTransactional ? producerId : -1;
    if (!view.isCrcValid()) throw new ReplayError(`${this.place()} does not match its checksum`);
    records.reset(view);
    while (records.next()) {
      if (records.offset < this.nextOffset) continue;
      this.nextOffset = records.offset;
      const key = records.key();
      if (isControl) {
        const type = controlTypeOf(records);
        if (type === "commit" || type === "abort") machine.applyMarker(producerId, type === "commit");
      } else if (key !== null) {
        const record = decodeGroupRecord(key, records.value());
        if (record === null) this.skip(key);
        else machine.apply(record, { offset: records.offset, producerId: origin });
      }
    }
    this.nextOffset = Math.max(this.nextOffset, nextOffset);
  }

  private skip(key: Buffer): void {
    const type = key.readInt16BE(0);
    if (this.unknown.has(type)) return;
    this.unknown.add(type);
    this.logger.warn("records of groups that this broker does not serve are left alone", {
      partition: `${this.partition.topic}-${this.partition.index}`,
      recordType: type,
    });
  }

  private place(): string {
    return `${this.partition.topic}-${this.partition.index} at offset ${this.nextOffset}`;
  }
}
