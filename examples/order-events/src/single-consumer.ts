/** One consumer owns all partitions; it commits after each order it has processed. */
import { Consumer, json, string } from "@ottla/client";
import { bootstrapServers, createTopic, type Order, topic, untilInterrupted } from "./order.ts";

await createTopic();
await using consumer = new Consumer({
  bootstrapServers,
  groupId: "order-processing-group",
  key: string,
  value: json<Order>(),
  autoOffsetReset: "earliest",
  enableAutoCommit: false,
  signal: untilInterrupted(),
});
await consumer.subscribe([topic]);

const counts = new Map<number, number>();
for await (const { partition, offset, key, value } of consumer) {
  console.log(`partition ${partition} | offset ${offset} | ${key} | ${value?.orderId}`);
  await handle(value);
  await consumer.commit();
  counts.set(partition, (counts.get(partition) ?? 0) + 1);
}

console.log("\nMessages consumed per partition:");
for (const [partition, count] of [...counts].sort(([a], [b]) => a - b)) console.log(`partition ${partition}: ${count}`);

async function handle(_order: Order | null): Promise<void> {} // your business here
