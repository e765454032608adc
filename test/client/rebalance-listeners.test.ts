/** What happens to a rebalance when the application's listener commits, seeks, throws, dawdles or closes. */
import {
  type Assignor,
  cooperativeSticky,
  type KafkaError,
  type RebalanceListener,
  RebalanceListenerError,
  range,
} from "@ottla/client";
import { describe, expect, it } from "vitest";
import { GroupSetup, nameOf } from "./group-setup.ts";

const strategies: {
  name: string;
  strategy: { partitionAssignmentStrategy: Assignor[] } | { groupProtocol: "consumer" };
}[] = [
  { name: "eager", strategy: { partitionAssignmentStrategy: [range] } },
  { name: "cooperative", strategy: { partitionAssignmentStrategy: [cooperativeSticky] } },
  { name: "KIP-848", strategy: { groupProtocol: "consumer" } },
];

type Consumer = ReturnType<GroupSetup["consumer"]>;

/** Asks for one message after the other; notes down what the asks reject with, and asks again. */
function keepAsking(consumer: Consumer, errors: KafkaError[], handle: () => Promise<void> | void = () => {}) {
  const run = async () => {
    for (let isOver = false; !isOver; ) {
      try {
        for await (const _ of consumer) await handle();
        isOver = true;
      } catch (error) {
        errors.push(error as KafkaError);
        isOver = errors.length > 10;
      }
    }
  };
  return run();
}

async function consumerOf(setup: GroupSetup, listener: RebalanceListener, options: object) {
  const consumer = setup.consumer({ clientId: "listening", ...options });
  await consumer.subscribe(["t"], listener);
  return consumer;
}

describe.each(strategies)("a rebalance listener, $name", ({ name, strategy }) => {
  it("that throws on the way out rejects the ask, and the rebalance goes on without it", async () => {
    const setup = await GroupSetup.start();
    const errors: KafkaError[] = [];
    const listener = {
      onPartitionsRevoked() {
        throw new Error("no room");
      },
    };
    const consumer = await consumerOf(setup, listener, strategy);
    const loop = keepAsking(consumer, errors);
    await setup.settle(() => consumer.assignment().length === 6);
    const other = setup.member("c2", strategy);
    await setup.settle(() => consumer.assignment().length === 3 && other.consumer.assignment().length === 3);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(RebalanceListenerError);
    expect(errors[0]!.message).toBe("The rebalance listener's onPartitionsRevoked failed: no room");
    await setup.until(consumer.close().catch(() => {}));
    await setup.until(loop);
    await setup.end();
  });

  it("that throws on the way in rejects the ask, and the partitions are there", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    await setup.send(3, [0, 1]);
    const errors: KafkaError[] = [];
    let handled = 0;
    const listener = {
      onPartitionsAssigned() {
        throw new Error("no room");
      },
    };
    const consumer = await consumerOf(setup, listener, strategy);
    const loop = keepAsking(consumer, errors, () => {
      handled++;
    });
    await setup.settle(() => handled === 6);
    expect(errors.map(({ message }) => message)).toEqual([
      "The rebalance listener's onPartitionsAssigned failed: no room",
    ]);
    await setup.until(consumer.close());
    await setup.until(loop);
    await setup.end();
  });

  it("that takes longer than maxPollIntervalMs costs the member its place: the rest is lost, and it comes back", async () => {
    const setup = await GroupSetup.start();
    const told: string[] = [];
    const { clock } = setup.sim.world;
    let isSlow = true;
    const listener: RebalanceListener = {
      async onPartitionsRevoked(partitions) {
        told.push(`revoked ${partitions.map(nameOf).join()}`);
        if (isSlow) await new Promise<void>((resolve) => clock.setTimer(20_000, resolve));
        isSlow = false;
      },
      onPartitionsLost: (partitions) => void told.push(`lost ${partitions.map(nameOf).join()}`),
    };
    const consumer = await consumerOf(setup, listener, { ...strategy, maxPollIntervalMs: 10_000 });
    let reports = 0;
    consumer.on("pollTimedOut", () => reports++);
    const errors: KafkaError[] = [];
    const loop = keepAsking(consumer, errors);
    await setup.settle(() => consumer.assignment().length === 6);
    const other = setup.member("c2", strategy);
    // The others do not wait any longer.
    await setup.settle(() => other.consumer.assignment().length === 6, 16_000);
    await setup.settle(() => consumer.assignment().length === 3 && other.consumer.assignment().length === 3);
    expect(reports).toBe(1);
    expect(errors).toEqual([]);
    if (name === "eager") expect(told).toEqual(["revoked t-0,t-1,t-2,t-3,t-4,t-5"]);
    else expect(told).toEqual(["revoked t-3,t-4,t-5", "lost t-0,t-1,t-2"]);
    await setup.until(consumer.close());
    await setup.until(loop);
    await setup.end();
  });

  it("that commits on the way out is heard before the next owner begins", async () => {
    const setup = await GroupSetup.start({ partitions: 2 });
    await setup.send(100, [0, 1]);
    const { clock } = setup.sim.world;
    const errors: KafkaError[] = [];
    const rejected: unknown[] = [];
    const consumer: Consumer = await consumerOf(
      setup,
      { onPartitionsRevoked: () => consumer.commit().catch((error: unknown) => void rejected.push(error)) },
      { ...strategy, enableAutoCommit: false },
    );
    let handled = 0;
    const loop = keepAsking(consumer, errors, async () => {
      handled++;
      await new Promise<void>((resolve) => clock.setTimer(50, resolve));
    });
    await setup.settle(() => handled > 10);
    setup.member("c2", strategy);
    await setup.settle(() => handled + setup.journal.filter(({ what }) => what === "message").length >= 200);
    expect(handled + setup.journal.filter(({ what }) => what === "message").length).toBe(200);
    expect([errors, rejected]).toEqual([[], []]);
    await setup.until(consumer.close());
    await setup.until(loop);
    await setup.end();
  });

  it("must not close or unsubscribe: that is said instead of waiting for ever", async () => {
    const setup = await GroupSetup.start();
    const codes: string[] = [];
    let closedLater: Promise<void> | null = null;
    const { clock } = setup.sim.world;
    const consumer: Consumer = await consumerOf(
      setup,
      {
        async onPartitionsAssigned() {
          for (const call of [() => consumer.close(), () => consumer.unsubscribe()]) {
            await call().catch((error: KafkaError) => codes.push(error.code));
          }
          // What it has set going may.
          clock.setTimer(1_000, () => {
            closedLater = consumer.close();
          });
        },
      },
      strategy,
    );
    const errors: KafkaError[] = [];
    await setup.until(keepAsking(consumer, errors));
    expect(codes).toEqual(["CALLED_IN_LISTENER", "CALLED_IN_LISTENER"]);
    await setup.until(closedLater!);
    expect(errors).toEqual([]);
    await setup.end();
  });
});
