/** Four ways to commit: automatically, after each message, without waiting, and after each batch. */
import { Consumer, json, string } from "@ottla/client";
import { bootstrapServers, createTopic, type Order, topic } from "./order.ts";

function consumerOf(groupId: string, enableAutoCommit = false): Consumer<string, Order> {
  return new Consumer({
    bootstrapServers,
    groupId,
    key: string,
    value: json<Order>(),
    autoOffsetReset: "earliest",
    enableAutoCommit,
  });
}

async function autoCommit(): Promise<void> {
  console.log("\nauto-commit: every few seconds, what the loop has finished with");
  await using consumer = consumerOf("auto-commit-group", true);
  await consumer.subscribe([topic]);
  let count = 0;
  for await (const { value } of consumer) {
    console.log(`  consumed ${value?.orderId}`);
    if (++count === 5) break;
  }
}

async function commitSync(): Promise<void> {
  console.log("\ncommit(): after each message, and wait for it");
  await using consumer = consumerOf("manual-sync-group");
  await consumer.subscribe([topic]);
  let count = 0;
  for await (const { value, offset } of consumer) {
    await consumer.commit();
    console.log(`  processed ${value?.orderId}, committed past offset ${offset}`);
    if (++count === 5) break;
  }
}

async function commitAsync(): Promise<void> {
  console.log("\ncommitAsync(): do not wait; the callback tells how it went");
  await using consumer = consumerOf("manual-async-group");
  await consumer.subscribe([topic]);
  let count = 0;
  for await (const { value } of consumer) {
    consumer.commitAsync((error) =>
      console.log(error ? `  commit failed: ${error.message}` : `  committed past ${value?.orderId}`),
    );
    if (++count < 5) continue;
    await consumer.commit(); // the last one is waited for, and is never overtaken by an earlier one
    break;
  }
}

async function commitBatches(): Promise<void> {
  console.log("\nbatches(): a partition's records at a time, one commit for each");
  await using consumer = consumerOf("batch-commit-group");
  await consumer.subscribe([topic]);
  let count = 0;
  for await (const batch of consumer.batches()) {
    for (const { value } of batch) console.log(`  partition ${batch.partition}: processed ${value?.orderId}`);
    await consumer.commit();
    count += batch.length;
    console.log(`  committed a batch of ${batch.length}`);
    if (count >= 10) break;
  }
}

await createTopic();
await autoCommit();
await commitSync();
await commitAsync();
await commitBatches();
