/** What tests of several group protocols look at. */
import { expect } from "vitest";
import type { Entry, GroupSetup, MemberOptions, Text } from "./group-setup.ts";

export type GroupOptions = Partial<Text> & MemberOptions;

/** Every record once, in order, at the partition's owner; an owner begins when the one before it is done. */
export function check(journal: readonly Entry[]): void {
  const owners = new Map<string, string>();
  const next = new Map<string, number>();
  for (const { what, member, place, offset, partitions = [] } of journal) {
    if (what === "assigned") {
      for (const one of partitions) {
        expect(owners.get(one), `${one} when ${member} gets it`).toBeUndefined();
        owners.set(one, member);
      }
    }
    if (what === "message") {
      expect(owners.get(place!), `${place} at ${member}`).toBe(member);
      expect(offset).toBe(next.get(place!) ?? 0);
      next.set(place!, offset! + 1);
    }
    if (what === "revoking") for (const one of partitions) owners.set(one, `${member}, letting go`);
    if (what === "revoked" || what === "lost") for (const one of partitions) owners.delete(one);
  }
}

export function of(setup: GroupSetup, member: string, ...what: Entry["what"][]): Entry[] {
  return setup.journal.filter((entry) => entry.member === member && what.includes(entry.what));
}

/** Four members join two that commit each message after some work and take their time to let go: every commit gets through, and every record is done once. */
export async function commitMessageByMessage(setup: GroupSetup, membership: GroupOptions): Promise<void> {
  const rejected: unknown[] = [];
  const options = (name: string): GroupOptions => ({
    ...membership,
    enableAutoCommit: false,
    revokingMs: 300,
    handle: async () => {
      const member = setup.members.find((one) => one.name === name)!;
      await new Promise<void>((resolve) => setup.sim.world.clock.setTimer(5, resolve));
      await member.consumer.commit().catch((error: unknown) => rejected.push(error));
    },
  });
  for (let n = 1; n <= 2; n++) setup.member(`c${n}`, options(`c${n}`));
  await setup.settle(() => setup.isShared());
  await setup.send(200);
  for (let n = 3; n <= 6; n++) {
    setup.member(`c${n}`, options(`c${n}`));
    await setup.pass(137);
  }
  await setup.settle(() => setup.isShared());
  await setup.settle(() => setup.journal.filter(({ what }) => what === "done").length === 1_200);
  expect(rejected).toEqual([]);
  check(setup.journal);
  expect(Object.values(await setup.committed())).toEqual([200, 200, 200, 200, 200, 200]);
}
