import { AsyncLocalStorage } from "node:async_hooks";
import { KafkaError } from "../errors.ts";

/** Knows which calls come from within a rebalance listener: those that wait for its end would wait for ever. */
export class ListenerScope {
  readonly #calls = new AsyncLocalStorage<{ isOver: boolean }>();

  async run(listener: () => Promise<void> | void): Promise<void> {
    const call = { isOver: false };
    try {
      await this.#calls.run(call, listener);
    } finally {
      // What the listener has set going may run on, and may do as it likes.
      call.isOver = true;
      // Before Node 24 every promise of the process pays for a storage that is in use.
      this.#calls.disable();
    }
  }

  /** Throws where a listener that is still running has called this. */
  ensureOutside(what: string): void {
    if (this.#calls.getStore()?.isOver !== false) return;
    throw new KafkaError(
      `${what} was called by a rebalance listener, and would wait for its end: call it when the listener has returned (to end the loop from here, abort the consumer's signal)`,
      { code: "CALLED_IN_LISTENER" },
    );
  }
}
