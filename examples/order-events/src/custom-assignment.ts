/** Which partitions a group's members get under each assignment strategy: two members, six partitions. */
import { type Assignor, Consumer, range, roundRobin, string } from "@ottla/client";
import { bootstrapServers, createTopic, topic } from "./order.ts";

/** Joins a group with two members and shows what each of them owns. */
async function show(strategy: Assignor): Promise<void> {
  const groupId = `test-${strategy.name}-group`;
  const members = ["first", "second"].map(
    (clientId) =>
      new Consumer({
        bootstrapServers,
        clientId,
        groupId,
        key: string,
        value: string,
        partitionAssignmentStrategy: [strategy],
      }),
  );
  console.log(`\n${strategy.name}`);
  await Promise.all(members.map((member) => member.subscribe([topic])));
  // A member takes part in a rebalance while it asks for messages.
  const shared = () => members.every((member) => member.assignment().length > 0);
  await Promise.all(
    members.map(async (member) => {
      while (!shared()) await member.poll({ timeoutMs: 100 });
    }),
  );
  for (const member of members) {
    const partitions = member.assignment().map(({ partition }) => partition);
    console.log(`  ${member.clientId}: ${partitions.sort().join(", ")}`);
  }
  await Promise.all(members.map((member) => member.close()));
}

await createTopic();
for (const strategy of [range, roundRobin]) await show(strategy);
