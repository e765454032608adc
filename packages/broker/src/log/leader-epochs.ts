import { parseCheckpointRows } from "./checkpoint-file.ts";

/** Name of the file in a partition's directory. */
export const leaderEpochFile = "leader-epoch-checkpoint";

export interface LeaderEpoch {
  readonly epoch: number;
  /** Offset of the first record that was appended in this epoch. */
  readonly startOffset: number;
}

/** Which offsets were appended in which leader epoch (KIP-101, Kafka's `LeaderEpochFileCache`): a few entries, rising in both columns. */
export class LeaderEpochs {
  #entries: LeaderEpoch[] = [];

  get entries(): readonly LeaderEpoch[] {
    return this.#entries;
  }

  /** The largest epoch; -1 where there is none. */
  get latest(): number {
    return this.#entries.at(-1)?.epoch ?? -1;
  }

  /** Notes that `epoch` starts at `startOffset`. Returns whether that was news. */
  assign(epoch: number, startOffset: number): boolean {
    if (epoch <= this.latest) return false;
    // An epoch that got no record is no use: nobody can have seen it.
    while (this.#entries.length > 0 && this.#entries.at(-1)!.startOffset >= startOffset) this.#entries.pop();
    this.#entries.push({ epoch, startOffset });
    return true;
  }

  /** The epoch that the record at `offset` was appended in; -1 below the first entry. */
  epochAt(offset: number): number {
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      if (this.#entries[i]!.startOffset <= offset) return this.#entries[i]!.epoch;
    }
    return -1;
  }

  /** Where an epoch started; -1 where it has no entry. */
  startOf(epoch: number): number {
    return this.#entries.find((entry) => entry.epoch === epoch)?.startOffset ?? -1;
  }

  /**
   * The largest known epoch that is at most `epoch`, and the offset where it ended; -1 and -1 for an epoch beyond all. `currentEpoch` is the leader's, which
   * may not have a record yet, and `logEndOffset` is where it ends.
   */
  endOffset(epoch: number, currentEpoch: number, logEndOffset: number): { leaderEpoch: number; endOffset: number } {
    if (epoch < 0 || epoch > currentEpoch) return { leaderEpoch: -1, endOffset: -1 };
    if (epoch === currentEpoch) return { leaderEpoch: epoch, endOffset: logEndOffset };
    const above = this.#entries.findIndex((entry) => entry.epoch > epoch);
    const endOffset = above === -1 ? logEndOffset : this.#entries[above]!.startOffset;
    const floor = this.#entries[above === -1 ? this.#entries.length - 1 : above - 1];
    // Kafka answers with the epoch asked for where the log knows only later ones.
    return { leaderEpoch: floor?.epoch ?? epoch, endOffset };
  }

  /** Forgets what lies at `offset` and above. Returns whether anything did. */
  truncateFromEnd(offset: number): boolean {
    const kept = this.#entries.filter((entry) => entry.startOffset < offset);
    const changed = kept.length !== this.#entries.length;
    this.#entries = kept;
    return changed;
  }

  /** Forgets the epochs that ended at or below `offset`; the one in force there starts there from now on. Returns whether that changed anything. */
  truncateFromStart(offset: number): boolean {
    const inForce = this.#entries.findLastIndex((entry) => entry.startOffset <= offset);
    if (inForce === -1) return false;
    const first = this.#entries[inForce]!;
    if (inForce === 0 && first.startOffset === offset) return false;
    this.#entries = [{ epoch: first.epoch, startOffset: offset }, ...this.#entries.slice(inForce + 1)];
    return true;
  }

  clear(): void {
    this.#entries = [];
  }

  /** Kafka's `leader-epoch-checkpoint`, version 0. */
  format(): Buffer {
    const lines = ["0", String(this.#entries.length)];
    for (const { epoch, startOffset } of this.#entries) lines.push(`${epoch} ${startOffset}`);
    return Buffer.from(`${lines.join("\n")}\n`);
  }

  /** Reads what `format` wrote; null where that is damaged. */
  static parse(content: Buffer): LeaderEpochs | null {
    const rows = parseCheckpointRows(content, 2);
    if (rows === null) return null;
    const epochs = new LeaderEpochs();
    for (const [epochText, offsetText] of rows) {
      const epoch = Number(epochText);
      const startOffset = Number(offsetText);
      if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(startOffset)) return null;
      const last = epochs.#entries.at(-1);
      if (epoch < 0 || (last !== undefined && (epoch <= last.epoch || startOffset <= last.startOffset))) return null;
      epochs.#entries.push({ epoch, startOffset });
    }
    return epochs;
  }
}
