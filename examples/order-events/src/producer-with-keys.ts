/** Sends 30 orders with the customer as the key: all orders of a customer go to one partition, in order. */
import { json, Producer, string } from "@ottla/client";
import { bootstrapServers, createTopic, type Order, topic } from "./order.ts";

const customers = ["customer-1", "customer-2", "customer-3", "customer-4", "customer-5"];
const orderTypes = ["created", "confirmed", "shipped", "delivered", "cancelled"];
const pick = (from: string[]) => from[Math.floor(Math.random() * from.length)] as string;

await createTopic();
await using producer = new Producer({
  bootstrapServers,
  key: string,
  value: json<Order>(),
  acks: "all",
  compression: "snappy",
});

const counts = new Map<number, number>();
for (let number = 1; number <= 30; number++) {
  const order: Order = {
    orderId: `order-${number}`,
    customerId: pick(customers),
    orderType: pick(orderTypes),
    amount: Math.round(1000 + Math.random() * 99_000) / 100,
    timestamp: new Date().toISOString(),
  };
  const { partition, offset } = await producer.send({ topic, key: order.customerId, value: order });
  counts.set(partition, (counts.get(partition) ?? 0) + 1);
  console.log(
    `${order.orderId} | ${order.customerId} | ${order.orderType} | partition ${partition} | offset ${offset}`,
  );
}

console.log("\nPartition distribution:");
for (const [partition, count] of [...counts].sort(([a], [b]) => a - b)) {
  console.log(`partition ${partition}: ${String(count).padStart(3)} messages ${"█".repeat(count)}`);
}
