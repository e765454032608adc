/** One member of a group: start three of them (`--id 1`, `--id 2`, `--id 3`) and watch who owns what. */
import { setTimeout as sleep } from "node:timers/promises";
import { Consumer, json, string } from "@ottla/client";
import { bootstrapServers, createTopic, idArgument, type Order, topic, untilInterrupted } from "./order.ts";

const id = idArgument();
await createTopic();
await using consumer = new Consumer({
  bootstrapServers,
  clientId: `consumer-${id}`,
  groupId: "order-processing-group",
  key: string,
  value: json<Order>(),
  autoOffsetReset: "earliest",
  enableAutoCommit: false,
  sessionTimeoutMs: 30_000,
  heartbeatIntervalMs: 10_000,
  maxPollIntervalMs: 300_000,
  signal: untilInterrupted(),
});
await consumer.subscribe([topic], {
  async onPartitionsAssigned(partitions) {
    console.log(`[consumer ${id}] assigned: ${partitions.map(({ partition }) => partition).join(", ")}`);
  },
});

let count = 0;
for await (const message of consumer) {
  console.log(
    `[consumer ${id}] P${message.partition} | offset ${message.offset} | ${message.key} | ${message.value?.orderId}`,
  );
  await sleep(500); // processing takes its time
  await consumer.commit();
  count += 1;
}
console.log(`[consumer ${id}] processed ${count} messages`);
