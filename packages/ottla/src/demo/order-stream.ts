import type { Producer } from "@ottla/client";
import { type Clock, sleep } from "@ottla/runtime";
import { makeOrders, type Order } from "./orders.ts";

/** How long the stream waits between an order for each partition and the next. */
export const streamIntervalMs = 20;

/** A steady stream of orders, one for each partition of a topic every few milliseconds. */
export class OrderStream {
  /** How many there have been. */
  count = 0;
  private readonly stopping = new AbortController();
  private readonly done: Promise<void>;

  constructor(producer: Producer<string, Order>, clock: Clock, topic: string, partitions: readonly number[]) {
    this.done = this.run(producer, clock, topic, partitions);
  }

  /** Resolves when the last order has been written. */
  stop(): Promise<void> {
    this.stopping.abort();
    return this.done;
  }

  private async run(
    producer: Producer<string, Order>,
    clock: Clock,
    topic: string,
    partitions: readonly number[],
  ): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const orders = makeOrders(this.count + 1, partitions.length);
      await Promise.all(
        orders.map((order, index) =>
          producer.send({ topic, partition: partitions[index], key: order.customerId, value: order }),
        ),
      );
      this.count += orders.length;
      await sleep(clock, streamIntervalMs, signal).catch(() => {});
    }
  }
}
