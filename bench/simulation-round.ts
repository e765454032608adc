/** One round of `simulation.ts` in a process of its own: what simulated minutes of a group cost. Argument: the group protocol; prints figures as JSON. */
import { Consumer, cooperativeSticky, Producer, string } from "@ottla/client";
import { Simulator } from "@ottla/testkit";

const [members, partitions, minutes] = [10, 10, 10];
const protocol =
  process.argv[2] === "consumer"
    ? ({ groupProtocol: "consumer" } as const)
    : { partitionAssignmentStrategy: [cooperativeSticky] };

/** Milliseconds of processor time per simulated minute, with one record a second, auto-commit, and once a minute a member that leaves and another that joins. */
async function costOfMinute(seed: number): Promise<number> {
  const simulator = await Simulator.start(seed);
  const { bootstrapServers } = simulator;
  await simulator.createTopics([{ topic: "orders", partitions }]);
  const read = { count: 0 };
  const start = (name: string) => {
    const { runtime } = simulator.process(name);
    const consumer = new Consumer({ bootstrapServers, runtime, groupId: "group", value: string, ...protocol });
    const reading = (async () => {
      await consumer.subscribe(["orders"]);
      for await (const _ of consumer) read.count++;
    })();
    return { consumer, reading };
  };
  const group = Array.from({ length: members }, (_, n) => start(`member-${n}`));
  const producer = new Producer({ bootstrapServers, runtime: simulator.process("producer").runtime, value: string });
  await simulator.run(10_000);
  const startedAt = process.cpuUsage();
  for (let second = 0; second < minutes * 60; second++) {
    void producer.send({ topic: "orders", partition: second % partitions, value: "v" });
    await simulator.run(1000);
    if (second % 60 !== 30) continue;
    const { consumer, reading } = group.shift()!;
    await simulator.until(consumer.close());
    await simulator.until(reading);
    group.push(start(`member-again-${second}`));
  }
  const { user, system } = process.cpuUsage(startedAt);
  const usedMs = (user + system) / 1000;
  if (read.count < minutes * 60 * 0.9) throw new Error(`only ${read.count} records were read`);
  await simulator.until(Promise.all(group.map(({ consumer }) => consumer.close())));
  return usedMs / minutes;
}

await costOfMinute(1);
console.log(JSON.stringify({ msPerMinute: await costOfMinute(2) }));
process.exit(0);
