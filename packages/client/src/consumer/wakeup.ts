/** Lets waiters wait for something to change. */
export class Wakeup {
  #next = Promise.withResolvers<void>();

  /** Resolves at the next `wake`. */
  wait(): Promise<void> {
    return this.#next.promise;
  }

  wake(): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers<void>();
    resolve();
  }
}
