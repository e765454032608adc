/** The service of the testing guide: it bills orders, a batch at a time, and commits what it has billed. */
import { Consumer, Producer, string } from "@ottla/client";

/** Starts an instance; `close` stops it. */
export function startBilling(bootstrapServers: string, clientId: string, bill: (order: string) => Promise<void>) {
  const consumer = new Consumer({
    ...{ bootstrapServers, clientId, groupId: "billing", value: string },
    ...{ autoOffsetReset: "earliest", enableAutoCommit: false, heartbeatIntervalMs: 200 },
  });
  const running = (async () => {
    await consumer.subscribe(["orders"]);
    for await (const batch of consumer.batches()) {
      for (const { value } of batch) await bill(value!);
      await consumer.commit();
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      await consumer.close();
      await running;
    },
  };
}

/** Places orders and returns them. */
export async function placeOrders(bootstrapServers: string, count: number): Promise<string[]> {
  const orders = Array.from({ length: count }, (_, n) => `order-${1000 + n}`);
  await using producer = new Producer({ bootstrapServers, value: string });
  await producer.sendAll(orders.map((value) => ({ topic: "orders", key: value, value })));
  return orders;
}
