/** Who gets which partition: the strategies beside each other, a strategy of one's own, and a static member's restart. */
import { setTimeout as sleep } from "node:timers/promises";
import { cooperativeSticky, range, roundRobin, sticky } from "@ottla/client";
import { GroupMember, type MemberOptions } from "./lib/group-member.ts";
import { weighted } from "./lib/weighted.ts";
import { createTopic } from "./order.ts";

type Settings = Omit<MemberOptions, "groupId" | "clientId">;

const heartbeatIntervalMs = 300; // how soon members hear of a rebalance
const strategies: Record<string, Settings> = {
  range: { partitionAssignmentStrategy: [range], heartbeatIntervalMs },
  roundrobin: { partitionAssignmentStrategy: [roundRobin], heartbeatIntervalMs },
  sticky: { partitionAssignmentStrategy: [sticky], heartbeatIntervalMs },
  "cooperative-sticky": { partitionAssignmentStrategy: [cooperativeSticky], heartbeatIntervalMs },
  // The broker assigns, and says how often it wants to hear of members: by default each 5 s, so this one may take its time.
  "KIP-848": { groupProtocol: "consumer" },
};

/** Two consumers share the topic, then a third one joins: what moves, and how long do the two stand still? */
async function scaleOut(name: string, settings: Settings): Promise<string> {
  const join = (clientId: string, more: Settings = {}) =>
    GroupMember.join({ groupId: `test-${name}-group`, clientId, ...settings, ...more });
  const two = [await join("first"), await join("second", { lettingGoMs: 300 })];
  await until(() => two.every(({ partitions }) => count(partitions) === 3));
  const before = two.map(({ partitions }) => partitions);
  for (const member of two) member.stoodStillMs = 0;

  const all = [...two, await join("third")];
  await until(() => all.every(({ partitions }) => count(partitions) === 2));
  const moved = two.flatMap((member, index) => lost(before[index] as string, member.partitions));
  const changes = two.map((member, index) => `${before[index]} → ${member.partitions}`.padEnd(14));
  const still = two.map(({ stoodStillMs }) => `${Math.round(stoodStillMs)} ms`.padStart(7));
  const shown = [name.padEnd(18), ...changes, all[2]?.partitions.padEnd(6), `${moved.length} of 6 `, ...still];
  await Promise.all(all.map((member) => member.close()));
  return shown.join("  ");
}

/** Three consumers, of which the first can take as much as the other two together. */
async function shareByWeight(): Promise<void> {
  console.log("\nA strategy of one's own, by weight:");
  const members = await Promise.all(
    [3, 2, 1].map((weight) =>
      GroupMember.join({
        groupId: "test-weighted-group",
        clientId: `weight-${weight}`,
        partitionAssignmentStrategy: [weighted(weight)],
        heartbeatIntervalMs,
      }),
    ),
  );
  await until(() => String(members.map(({ partitions }) => count(partitions))) === "3,2,1");
  for (const [index, { partitions }] of members.entries()) console.log(`weight ${3 - index}: ${partitions}`);
  await Promise.all(members.map((member) => member.close()));
}

/** A consumer with a groupInstanceId restarts within its session timeout: nobody has to let go of anything. */
async function restartStaticMember(): Promise<void> {
  console.log("\nA static member restarts:");
  const join = (clientId: string) =>
    GroupMember.join({ groupId: "test-static-group", clientId, groupInstanceId: clientId, heartbeatIntervalMs });
  const [first, second] = [await join("static-1"), await join("static-2")];
  await until(() => [first, second].every(({ partitions }) => count(partitions) === 3));
  const [owned, changes] = [second.partitions, first.changes];
  await second.close(); // does not leave the group
  const again = await join("static-2");
  await until(() => again.partitions !== "");
  console.log(`static-2: ${owned} → restart → ${again.partitions}`);
  console.log(`static-1: ${first.partitions}, told of ${first.changes - changes} changes meanwhile`);
  await Promise.all([first.close(), again.close()]);
}

/** The partitions that are in `before` and not in `after`. */
const lost = (before: string, after: string) => before.split(",").filter((it) => !after.split(",").includes(it));
const count = (partitions: string) => (partitions === "" ? 0 : partitions.split(",").length);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20);
}

await createTopic();
console.log("Two consumers, then a third; the second takes 300 ms to put its work away when it has to let go.\n");
console.log("strategy            first           second          third   moved    first and second stood still");
const rows = Object.entries(strategies).map(([name, settings]) => scaleOut(name, settings));
for (const row of rows) console.log(await row);
await shareByWeight();
await restartStaticMember();
