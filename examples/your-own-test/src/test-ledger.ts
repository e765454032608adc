import type { Ledger, Order } from "./billing-service.ts";

/** A ledger in memory on which a test can wait, and which it can hold up. */
export class TestLedger implements Ledger {
  /** What is booked: every order once. */
  readonly orders = new Map<string, Order>();
  /** The orders in the sequence in which they came, also those that came again. */
  readonly attempts: string[] = [];
  private readonly gates = new Map<string, Gate>();
  private readonly waiting = new Set<() => void>();

  async book(order: Order): Promise<void> {
    this.attempts.push(order.orderId);
    const gate = this.gates.get(order.orderId);
    this.gates.delete(order.orderId);
    gate?.reach();
    await gate?.opened;
    this.orders.set(order.orderId, order);
    for (const check of [...this.waiting]) check();
  }

  /** Whoever books this order next has to wait until the gate is opened. */
  holdAt(orderId: string): Gate {
    const gate = new Gate();
    this.gates.set(orderId, gate);
    return gate;
  }

  /** Resolves when so many orders are booked. */
  booked(count: number): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.orders.size < count) return;
        this.waiting.delete(check);
        resolve();
      };
      this.waiting.add(check);
      check();
    });
  }
}

/** Where somebody is held up. */
export class Gate {
  readonly #reached = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();

  /** Resolves when somebody stands before it. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  reach(): void {
    this.#reached.resolve();
  }

  open(): void {
    this.#opened.resolve();
  }
}
