/** A listener that is told before partitions go and after they have come, and commits before it lets go. */
import { Consumer, json, string, type TopicPartition } from "@ottla/client";
import { bootstrapServers, createTopic, idArgument, type Order, topic, untilInterrupted } from "./order.ts";

const id = idArgument();
const show = (partitions: readonly TopicPartition[]) => partitions.map(({ partition }) => partition).join(", ");

await createTopic();
await using consumer = new Consumer({
  bootstrapServers,
  clientId: `consumer-${id}`,
  groupId: "rebalance-test-group",
  key: string,
  value: json<Order>(),
  autoOffsetReset: "earliest",
  enableAutoCommit: false,
  signal: untilInterrupted(),
});

await consumer.subscribe([topic], {
  async onPartitionsRevoked(partitions) {
    await consumer.commit(); // what is done is committed before somebody else goes on from there
    console.log(`[consumer ${id}] revoked: ${show(partitions)}`);
  },
  async onPartitionsAssigned(partitions) {
    console.log(`[consumer ${id}] assigned: ${show(partitions)}`);
  },
  async onPartitionsLost(partitions) {
    console.log(`[consumer ${id}] lost without being asked: ${show(partitions)}`);
  },
});

for await (const { partition, offset, value } of consumer) {
  console.log(`[consumer ${id}] P${partition} | offset ${offset} | ${value?.orderId}`);
}
