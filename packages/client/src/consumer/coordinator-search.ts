/** Whether the coordinator is known, and if not when to look for it. */
export class CoordinatorSearch {
  /** The node; null while it is not known. */
  nodeId: number | null = null;
  #underWay = false;
  #failures = 0;
  #nextAt = 0;

  /** Whether to look now; counts as looking then. */
  start(now: number): boolean {
    if (this.nodeId !== null || this.#underWay || now < this.#nextAt) return false;
    this.#underWay = true;
    return true;
  }

  found(nodeId: number): void {
    this.nodeId = nodeId;
    this.#underWay = false;
    this.#failures = 0;
  }

  notFound(now: number, pause: (failures: number) => number): void {
    this.#underWay = false;
    this.#nextAt = now + pause(++this.#failures);
  }

  /** Returns whether it was known. */
  forget(now: number): boolean {
    if (this.nodeId === null) return false;
    this.nodeId = null;
    this.#nextAt = now;
    return true;
  }

  /** When to look next; Infinity where it is known or being looked for. */
  deadline(): number {
    return this.nodeId === null && !this.#underWay ? this.#nextAt : Number.POSITIVE_INFINITY;
  }
}
