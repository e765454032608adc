/** Members that come, go, dawdle and die, on a broker that dies too: whatever happens, the promises of DESIGN.md's invariants hold. */
import { cooperativeSticky, range } from "@ottla/client";
import { simRandom } from "@ottla/runtime";
import { intercept } from "@ottla/testkit";
import { describe, expect, it } from "vitest";
import { GroupSetup, type Text } from "./group-setup.ts";

const partitions = [0, 1, 2, 3];
const perPartition = 60;
const times = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 1_000 };
/** The same for KIP-848, where they are the broker's. */
const broker = {
  groupConsumerHeartbeatIntervalMs: 1_000,
  groupConsumerMinHeartbeatIntervalMs: 1_000,
  groupConsumerSessionTimeoutMs: 6_000,
  groupConsumerMinSessionTimeoutMs: 6_000,
};
const consumerProtocol: Partial<Text> = { groupProtocol: "consumer" };
/** What members have, each one of these; the group is converted back and forth where it is mixed. */
const protocols: Readonly<Record<string, readonly Partial<Text>[]>> = {
  eager: [{ partitionAssignmentStrategy: [range], ...times }],
  cooperative: [{ partitionAssignmentStrategy: [cooperativeSticky], ...times }],
  "KIP-848": [consumerProtocol],
  mixed: [times, consumerProtocol],
};

describe("a group in trouble", () => {
  const seeds = [1, 2, 3, 4];
  const cases = Object.keys(protocols).flatMap((name) => seeds.map((seed) => ({ name, seed })));
  it.each(cases)(
    "loses nothing, commits nothing too early, and never shares a partition ($name, seed $seed)",
    async ({ name, seed }) => {
      const setup = await GroupSetup.start({ partitions: partitions.length, seed, broker });
      const random = simRandom(`chaos ${seed}`);
      const choices = protocols[name]!;
      const { clock } = setup.sim.world;
      const pause = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve));
      const tooEarly: string[] = [];
      const watch = () =>
        intercept(setup.sim.broker, {
          api: "OFFSET_COMMIT",
          where: ({ topics }) => {
            for (const { name, partitions: list } of topics) {
              for (const { partitionIndex, committedOffset } of list) {
                const place = `${name}-${partitionIndex}`;
                const done = new Set(
                  setup.journal
                    .filter((entry) => entry.what === "done" && entry.place === place)
                    .map(({ offset }) => offset),
                );
                for (let offset = 0; offset < committedOffset; offset++) {
                  if (!done.has(offset)) tooEarly.push(`${place} ${committedOffset}, before ${offset} was done`);
                }
              }
            }
            return false;
          },
        });
      watch();
      let born = 0;
      const join = () =>
        setup.member(`m${++born}`, {
          ...choices[random.integer(choices.length)],
          maxPollIntervalMs: 15_000,
          autoCommitIntervalMs: 500,
          maxPollRecords: 7,
          revokingMs: random.integer(2) * random.integer(500),
          handle: () => pause(random.integer(50) === 0 ? random.integer(20_000) : random.integer(200)),
        });
      for (let n = 0; n < 3; n++) join();
      await setup.send(perPartition / 2, partitions);
      for (let step = 0; step < 12; step++) {
        await setup.pass(random.integer(6_000));
        const alive = setup.members.filter((member) => !member.isOver);
        const one = alive[random.integer(alive.length)]!;
        switch (random.integer(5)) {
          case 0:
            one.kill();
            join();
            break;
          case 1:
            await setup.until(one.close());
            join();
            break;
          case 2:
            setup.sim.world.network.isolate(one.name);
            await setup.pass(random.integer(12_000));
            setup.sim.world.network.healAll();
            break;
          case 3:
            setup.sim.server.kill();
            await setup.pass(random.integer(3_000));
            await setup.sim.startBroker();
            watch();
            break;
          default:
            one.consumer.enforceRebalance();
        }
      }
      await setup.send(perPartition / 2, partitions);
      const wanted = partitions.length * perPartition;
      const handled = () =>
        new Set(setup.journal.filter(({ what }) => what === "done").map(({ place, offset }) => `${place}:${offset}`));
      await setup.settle(() => handled().size === wanted, 600_000);
      expect(tooEarly).toEqual([]);
      expect(setup.members.map(({ error }) => error).filter((error) => error !== null)).toEqual([]);
      // Nothing reaches a member between the call of its listener and its next assignment.
      for (const member of setup.members) {
        const owned = new Set<string>();
        for (const entry of setup.journal.filter((one) => one.member === member.name)) {
          if (entry.what === "assigned") for (const place of entry.partitions!) owned.add(place);
          if (entry.what === "revoking" || entry.what === "lost")
            for (const place of entry.partitions!) owned.delete(place);
          if (entry.what === "message") expect(owned.has(entry.place!), `${entry.place} at ${member.name}`).toBe(true);
        }
      }
      await setup.end();
    },
  );
});
