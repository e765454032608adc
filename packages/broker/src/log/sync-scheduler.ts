/** Somebody who has written and can sync. */
export interface SyncTarget {
  /** Starts a sync of all that has been written, unless one is under way; it ends in a call of `SyncScheduler.synced`. */
  requestSync(): void;
}

/**
 * Keeps the amount that was written and not synced within bounds, over all partitions. The system writes back on its own, but when too much waits it makes the writers wait, and that would be the whole process.
 */
export class SyncScheduler {
  readonly #backgroundBytes: number;
  readonly #maxBytes: number;
  readonly #unsynced = new Map<SyncTarget, number>();
  readonly #requested = new Set<SyncTarget>();
  #waiting: (() => void)[] = [];
  #total = 0;

  constructor(backgroundBytes: number, maxBytes: number) {
    // Whoever waits for room waits for a sync that was asked for.
    this.#backgroundBytes = Math.min(backgroundBytes, maxBytes - 1);
    this.#maxBytes = maxBytes;
  }

  get unsyncedBytes(): number {
    return this.#total;
  }

  /** True when so much is unsynced that nobody should write before `whenRoom` calls back. */
  get isFull(): boolean {
    return this.#total >= this.#maxBytes;
  }

  wrote(target: SyncTarget, bytes: number): void {
    this.#unsynced.set(target, (this.#unsynced.get(target) ?? 0) + bytes);
    this.#total += bytes;
    this.#request();
  }

  /** `bytes` of what the target wrote are on disk now. */
  synced(target: SyncTarget, bytes: number): void {
    this.#requested.delete(target);
    const left = (this.#unsynced.get(target) ?? 0) - bytes;
    if (left > 0) this.#unsynced.set(target, left);
    else this.#unsynced.delete(target);
    this.#total -= bytes;
    this.#request();
    this.#wake();
  }

  /** The target will not sync any more. */
  forget(target: SyncTarget): void {
    this.#total -= this.#unsynced.get(target) ?? 0;
    this.#unsynced.delete(target);
    this.#requested.delete(target);
    this.#wake();
  }

  /** Calls back once there is room again. */
  whenRoom(callback: () => void): void {
    this.#waiting.push(callback);
    this.#request();
  }

  /** Asks those with the most, until what is left unasked is within the bound. */
  #request(): void {
    let unasked = this.#total;
    for (const target of this.#requested) unasked -= this.#unsynced.get(target) ?? 0;
    while (unasked > this.#backgroundBytes) {
      let most: SyncTarget | null = null;
      let mostBytes = 0;
      for (const [target, bytes] of this.#unsynced) {
        if (bytes > mostBytes && !this.#requested.has(target)) {
          most = target;
          mostBytes = bytes;
        }
      }
      if (most === null) return;
      this.#requested.add(most);
      unasked -= mostBytes;
      most.requestSync();
    }
  }

  #wake(): void {
    if (this.isFull || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  }
}
