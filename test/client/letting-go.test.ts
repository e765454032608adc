/** The end of a subscription, or of the consumer, while something else goes on: the listener hears of each partition once, and before the end. */
import { type Assignor, cooperativeSticky, type KafkaError, type RebalanceListener, range } from "@ottla/client";
import { describe, expect, it } from "vitest";
import { GroupSetup, nameOf } from "./group-setup.ts";

const protocols: { name: string; options: { partitionAssignmentStrategy?: Assignor[]; groupProtocol?: "consumer" } }[] =
  [
    { name: "eager", options: { partitionAssignmentStrategy: [range] } },
    { name: "cooperative", options: { partitionAssignmentStrategy: [cooperativeSticky] } },
    { name: "KIP-848", options: { groupProtocol: "consumer" } },
  ];

type Consumer = ReturnType<GroupSetup["consumer"]>;

/** A consumer that waits for messages, whose listener takes `revokingMs` to let go. */
async function waiting(options: object, revokingMs: number) {
  const setup = await GroupSetup.start();
  const told: string[] = [];
  const { clock } = setup.sim.world;
  const listener: RebalanceListener = {
    async onPartitionsRevoked(partitions) {
      told.push(`revoking ${partitions.map(nameOf).join()}`);
      await new Promise<void>((resolve) => clock.setTimer(revokingMs, resolve));
      told.push("revoked");
    },
    onPartitionsLost: (partitions) => void told.push(`lost ${partitions.map(nameOf).join()}`),
  };
  const consumer: Consumer = setup.consumer({ clientId: "waiting", ...options });
  await consumer.subscribe(["t"], listener);
  const loop = (async () => {
    for await (const _ of consumer);
  })();
  await setup.settle(() => consumer.assignment().length === 6);
  return { setup, consumer, told, loop };
}

const once = ["revoking t-0,t-1,t-2,t-3,t-4,t-5", "revoked"];

describe.each(protocols)("letting go, $name", ({ options }) => {
  it("goes before a rebalance that begins meanwhile", async () => {
    const { setup, consumer, told, loop } = await waiting(options, 10_000);
    const end = consumer.unsubscribe();
    await setup.settle(() => told.length === 1);
    const other = setup.member("c2", options);
    await setup.until(end);
    await setup.until(loop);
    expect(told).toEqual(once);
    await setup.settle(() => other.consumer.assignment().length === 6);
    await setup.until(consumer.close());
    expect(told).toEqual(once);
    await setup.end();
  });

  it("happens once, however often it is asked for", async () => {
    const { setup, consumer, told, loop } = await waiting(options, 1_000);
    await setup.until(Promise.all([consumer.unsubscribe(), consumer.unsubscribe(), consumer.close()]));
    await setup.until(loop);
    expect(told).toEqual(once);
    await setup.end();
  });

  it("ends the loop even if the listener fails", async () => {
    const { setup, consumer, loop } = await waiting(options, 0);
    await consumer.subscribe(["t"], {
      onPartitionsRevoked() {
        throw new Error("no room");
      },
    });
    await expect(setup.until(consumer.unsubscribe())).rejects.toThrow("onPartitionsRevoked failed: no room");
    await setup.until(loop);
    await setup.until(consumer.close());
    await setup.end();
  });

  it("is not waited for by its own listener", async () => {
    const { setup, consumer, loop } = await waiting(options, 0);
    const codes: string[] = [];
    const calls = [
      () => consumer.subscribe(["t"]),
      () => consumer.assign([{ topic: "t", partition: 0 }]),
      () => consumer.messages().next(),
      () => consumer.poll({ timeoutMs: 1_000 }),
    ];
    await consumer.subscribe(["t"], {
      async onPartitionsRevoked() {
        for (const call of calls) await call().catch(({ code }: KafkaError) => codes.push(code));
      },
    });
    const end = consumer.unsubscribe();
    await setup.until(loop);
    await setup.until(end);
    expect(codes).toEqual(calls.map(() => "CALLED_IN_LISTENER"));
    await setup.until(consumer.close());
    await setup.end();
  });

  it("comes before a subscription that is asked for behind it", async () => {
    const { setup, consumer, told, loop } = await waiting(options, 1_000);
    await setup.until(Promise.all([consumer.unsubscribe(), consumer.subscribe(["t"])]));
    await setup.until(loop);
    expect(told).toEqual(once);
    await setup.send(1);
    const { value } = await setup.until(consumer.messages().next());
    expect(value).toMatchObject({ topic: "t", offset: 0 });
    await setup.until(consumer.close());
    await setup.end();
  });

  it("tells the listener before close is over, although nothing can be committed", async () => {
    const { setup, consumer, told, loop } = await waiting(options, 1_000);
    setup.sim.server.kill();
    const before = setup.now;
    await setup.until(consumer.close({ timeoutMs: 20_000 }));
    expect(told).toEqual(once);
    expect(setup.now - before).toBeLessThanOrEqual(21_000);
    await setup.until(loop);
  });

  it("is over when close is, even if a listener is not", async () => {
    const { setup, consumer, told, loop } = await waiting(options, 60_000);
    setup.member("c2", options);
    await setup.settle(() => told.length === 1);
    await setup.until(consumer.close({ timeoutMs: 5_000 }));
    const before = [...told];
    await setup.pass(120_000);
    expect(told).toEqual([...before, "revoked"]);
    await setup.until(loop);
    await setup.end();
  });

  it("gives way to a pattern, which is held against all topics there are", async () => {
    const { setup, consumer } = await waiting({ ...options, metadataMaxAgeMs: 300_000 }, 0);
    await setup.until(setup.admin.createTopics([{ topic: "t2", partitions: 1, replicationFactor: 1 }]));
    await consumer.subscribe(/^t/);
    await setup.settle(() => consumer.assignment().length === 7, 20_000);
    await setup.until(consumer.close());
    await setup.end();
  });
});
