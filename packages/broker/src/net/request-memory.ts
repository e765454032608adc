/** A connection as far as the bound on memory is concerned. */
export interface MemoryUser {
  /** Stops or restarts reading from its socket. */
  setHeldBack(isHeldBack: boolean): void;
}

/**
 * Bounds the bytes of requests that are in memory, complete or still arriving (`queued.max.request.bytes`): while there are too many, connections are not read.
 * One connection at a time is read all the same until its request is complete, since requests that are only half there would otherwise wait for each other for ever; but not while the complete ones alone
 * are too many: those make room once they are answered, and the privilege, passed on from request to request, would be a way around the bound.
 */
export class RequestMemory {
  private readonly limit: number;
  private used = 0;
  /** The part of `used` that is whole requests: in work, or waiting for their turn. */
  private complete = 0;
  private privileged: MemoryUser | null = null;
  private readonly waiting = new Set<MemoryUser>();

  /** -1: no limit. */
  constructor(limit: number) {
    this.limit = limit < 0 ? Number.POSITIVE_INFINITY : limit;
  }

  get usedBytes(): number {
    return this.used;
  }

  /** Bytes have arrived, or been dropped again. */
  change(user: MemoryUser, bytes: number): void {
    this.used += bytes;
    if (this.used <= this.limit) this.releaseAll();
    else if (bytes > 0 && user !== this.privileged) this.holdBack(user);
  }

  /** A request of so many bytes, which `change` was told of, is complete: another connection may go on. */
  completed(user: MemoryUser, bytes: number): void {
    this.complete += bytes;
    if (this.privileged === user) this.privilegeNext();
  }

  /** Complete requests of so many bytes have been answered, or dropped. */
  finished(user: MemoryUser, bytes: number): void {
    this.complete -= bytes;
    this.change(user, -bytes);
    if (this.privileged === null && this.waiting.size > 0) this.privilegeNext();
  }

  /** The connection has nothing in memory: it may go on, so that those whose requests are small and soon answered do not wait for those who fill the memory. */
  emptied(user: MemoryUser): void {
    if (this.waiting.delete(user)) user.setHeldBack(false);
  }

  /** The connection is gone. What it used must have been given back. */
  remove(user: MemoryUser): void {
    this.waiting.delete(user);
    if (this.privileged === user) this.privilegeNext();
  }

  private get mayPrivilege(): boolean {
    return this.complete <= this.limit;
  }

  private holdBack(user: MemoryUser): void {
    if (this.privileged === null && this.mayPrivilege) {
      this.privileged = user;
    } else if (!this.waiting.has(user)) {
      this.waiting.add(user);
      user.setHeldBack(true);
    }
  }

  private privilegeNext(): void {
    this.privileged = null;
    if (!this.mayPrivilege) return;
    for (const user of this.waiting) {
      this.waiting.delete(user);
      this.privileged = user;
      user.setHeldBack(false);
      break;
    }
  }

  private releaseAll(): void {
    this.privileged = null;
    if (this.waiting.size === 0) return;
    const users = [...this.waiting];
    this.waiting.clear();
    for (const user of users) user.setHeldBack(false);
  }
}
