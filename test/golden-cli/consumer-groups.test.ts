/** `kafka-consumer-groups` against the recorded runs of Kafka's own. */
import { settle } from "@ottla/client";
import { apis } from "@ottla/protocol";
import { nodeRuntime } from "@ottla/runtime";
import { afterAll, beforeAll, describe } from "vitest";
import { RawClient } from "../support/raw-client.ts";
import { subjectIsOttla } from "../support/subject.ts";
import { Member, type MemberOptions } from "./group-member.ts";
import { type Directions, declareNames, declareWaiting, keyOf, playAll, Stage } from "./player.ts";
import { readRecorded } from "./recorded.ts";

/** Groups of share consumers: our broker has none yet, though our tool knows them. */
const waiting = subjectIsOttla ? ["List / Describe a share group"] : [];
/** Tools that are not ours. */
const others = ["Reset offsets / Log ends"];

// With three brokers: see `three-brokers.test.ts`.
const all = readRecorded("consumer-groups.md").filter(({ section }) => section !== "One of three brokers down");
const cases = all.filter((it) => !waiting.includes(keyOf(it)) && !others.includes(keyOf(it)));

let stage: Stage;
const members = new Map<string, Member>();

async function join(
  groupId: string,
  clientId: string,
  topic: string,
  more: Partial<MemberOptions> = {},
): Promise<Member> {
  const { bootstrapServers } = stage;
  const member = await Member.join({ bootstrapServers, groupId, clientId, topic, ...more });
  members.set(clientId, member);
  return member;
}

function member(clientId: string): Member {
  const found = members.get(clientId);
  if (found === undefined) throw new Error(`nobody is called ${clientId}`);
  return found;
}

async function leave(...clientIds: string[]): Promise<void> {
  await Promise.all(clientIds.map((clientId) => member(clientId).close()));
  for (const clientId of clientIds) members.delete(clientId);
}

/** Orders as the recording has them: the customers in turn. */
async function sendOrders(count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, order) => ({
    ...{ topic: "order-events", key: `customer-${order % 20}`, value: JSON.stringify({ order }) },
  }));
  await stage.producer.sendAll(records);
}

async function makePayments(): Promise<void> {
  await stage.admin.createTopics([{ topic: "payments", partitions: 2 }]);
  const partitions = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
  await stage.producer.sendAll(partitions.map((partition) => ({ topic: "payments", partition, value: "paid" })));
}

/** The group `finished`, as it had come to be: for some of its offsets nobody has said an epoch. */
function makeFinished(): Promise<void> {
  const committed = [
    ...[0, 0, 13].map((offset, partition) => ({ topic: "order-events", partition, offset })),
    ...[9, 13, 5].map((offset, index) => ({ topic: "order-events", partition: index + 3, offset, leaderEpoch: 0 })),
    ...[4, 6].map((offset, partition) => ({ topic: "payments", partition, offset, leaderEpoch: 0 })),
  ];
  return stage.admin.alterGroupOffsets("finished", committed);
}

const makeGroup = (groupId: string) =>
  stage.admin.alterGroupOffsets(groupId, [{ topic: "payments", partition: 0, offset: 0 }]);

/** Asks until the group is in a state. */
async function groupIs(groupId: string, state: string, memberCount: number): Promise<void> {
  for (;;) {
    const [group] = await settle([groupId], stage.admin.describeGroups([groupId]));
    if (group?.value?.state === state && group.value.members.length === memberCount) return;
  }
}

/** Asks until so many members have committed the ends of all partitions that they own. */
async function caughtUp(groupId: string, memberCount: number): Promise<void> {
  await groupIs(groupId, "Stable", memberCount);
  for (;;) {
    const partitions = await stage.admin.groupLag(groupId);
    if (partitions.length > 0 && partitions.every(({ lag, member: owner }) => lag === 0 && owner !== null)) return;
  }
}

/** The group `share-1`, with a member that is not heard of again. */
async function makeShareGroup(): Promise<void> {
  const [host = "", port] = stage.bootstrapServers.split(":");
  const member = await RawClient.connect(nodeRuntime().network, host, Number(port));
  const body = { groupId: "share-1", memberId: "AAAAAAAAAAAAAAAAAAAAAQ", memberEpoch: 0 };
  for (;;) {
    const { errorCode } = await member.request(apis.shareGroupHeartbeat, {
      ...body,
      subscribedTopicNames: ["payments"],
    });
    if (errorCode === 0) break;
  }
  member.close();
}

const unreachable = { added: () => ["--timeout", "300"] };

const directions: Directions = {
  "Active classic group / One member, all partitions": {
    before: async ({ admin }) => {
      await admin.createTopics([{ topic: "order-events", partitions: 6 }]);
      await sendOrders(60);
      await join("order-processing-group", "consumer-1", "order-events");
      await caughtUp("order-processing-group", 1);
    },
  },
  "Active classic group / Three members": {
    before: async () => {
      await join("order-processing-group", "consumer-2", "order-events");
      await join("order-processing-group", "consumer-3", "order-events");
      await Promise.all([
        member("consumer-1").owns("0,1"),
        member("consumer-2").owns("2,3"),
        member("consumer-3").owns("4,5"),
      ]);
    },
  },
  "Lag / Three members, lagging": {
    before: async () => {
      for (const one of members.values()) await one.suspend();
      await sendOrders(30);
    },
  },
  "A member with no partition, static members, two topics / Offsets with two topics and a static member": {
    before: async () => {
      for (const one of members.values()) one.resume();
      await caughtUp("order-processing-group", 3);
      await makePayments();
      for (const clientId of ["s0", "s1", "s2"]) await join("seven", clientId, "order-events");
      await join("seven", "static-a", "payments", { groupInstanceId: "instance-a" });
      await caughtUp("seven", 4);
    },
  },
  "A member with no partition, static members, two topics / More members than partitions: --members --verbose": {
    before: async () => {
      for (const clientId of ["i0", "i1", "i2"]) await join("idle", clientId, "payments");
      await caughtUp("idle", 3);
    },
  },
  "A member with no partition, static members, two topics / Active member, nothing committed": {
    before: async () => {
      await join("no-commits", "nc", "payments", { commits: false });
      await member("nc").owns("0,1");
    },
  },
  "KIP-848 group / Offsets": {
    before: async () => {
      // The first one to come keeps the first partitions.
      const modern2 = await join("modern", "modern-2", "order-events", { groupProtocol: "consumer" });
      await modern2.owns("0,1,2,3,4,5");
      await join("modern", "modern-1", "order-events", { groupProtocol: "consumer" });
      await caughtUp("modern", 2);
      await Promise.all([member("modern-1").owns("3,4,5"), modern2.owns("0,1,2")]);
    },
  },
  "Groups without members / Offsets": {
    before: async () => {
      await makeFinished();
      await leave("s0", "s1", "s2", "static-a", "i0", "i1", "i2", "nc");
      // A static member stays when it goes; the recorded one was given up by its session's time.
      await stage.admin.removeMembers("seven", "all");
    },
  },
  ...(subjectIsOttla ? {} : { "List / List": { before: makeShareGroup } }),
  "Rebalancing / Classic: offsets during a rebalance": {
    before: async () => {
      await member("consumer-3").suspend();
      await join("order-processing-group", "consumer-4", "order-events");
      await groupIs("order-processing-group", "PreparingRebalance", 4);
    },
  },
  "Rebalancing / KIP-848: offsets while reconciling": {
    before: async () => {
      await member("modern-2").suspend();
      await join("modern", "modern-3", "order-events", { groupProtocol: "consumer" });
      await Promise.all([member("modern-3").owns("5"), member("modern-1").owns("3,4")]);
      await groupIs("modern", "Reconciling", 3);
    },
  },
  "Reset offsets: active groups / Active classic group, dry run": {
    before: async () => {
      member("consumer-3").resume();
      member("modern-2").resume();
      await leave("consumer-4", "modern-3");
      await groupIs("order-processing-group", "Stable", 3);
      await groupIs("modern", "Stable", 2);
    },
  },
  "Reset offsets / State before": {
    before: async () => {
      await leave("consumer-1", "consumer-2", "consumer-3", "modern-1", "modern-2");
      await makeFinished();
      await makeGroup("second");
    },
  },
  "Reset offsets / --from-file": { replaced: async () => ({ "offsets.csv": offsetsFile() }) },
  "Reset offsets / --from-file --execute": { replaced: async () => ({ "offsets.csv": offsetsFile() }) },
  "Reset offsets / --from-file with a group column": {
    replaced: async (it) => ({
      "offsets3.csv": it.file("offsets3.csv", "finished,order-events,0,1\nsecond,payments,1,2\n"),
    }),
  },
  "Reset offsets / --from-file, malformed": {
    replaced: async (it) => ({ "bad.csv": it.file("bad.csv", "order-events;0;1\n") }),
  },
  "Delete groups / Two": { before: () => Promise.all([makeGroup("aa"), makeGroup("bb")]) },
  "Broker not reachable / List": unreachable,
  "Broker not reachable / Describe": unreachable,
  "Broker not reachable / Describe --timeout 1000": { replaced: async () => ({ "1000": "300" }) },
  "Broker not reachable / Delete": unreachable,
  "Broker not reachable / Reset": unreachable,
  "More / Describe after the topic was deleted": {
    before: async ({ admin }) => {
      await admin.createTopics([{ topic: "to-drop" }]);
      await admin.alterGroupOffsets("dropper", [{ topic: "to-drop", partition: 0, offset: 0 }]);
      await admin.deleteTopics(["to-drop"]);
      // Kafka's coordinator hears of it a little later.
      while ((await admin.listGroupOffsets("dropper")).length > 0);
    },
  },
  "More / Long names widen the columns": {
    before: async ({ admin }) => {
      const topic = "a-topic-with-a-name-longer-than-fifteen";
      await admin.createTopics([{ topic }]);
      await admin.alterGroupOffsets("a-group-with-a-name-longer-than-fifteen", [{ topic, partition: 0, offset: 0 }]);
    },
  },
  "More / Empty partitions with an active member": {
    before: async ({ admin }) => {
      await admin.createTopics([
        { topic: "pay", partitions: 3 },
        { topic: "twelve", partitions: 12 },
      ]);
      await join("watcher", "w", "pay");
      await member("w").owns("0,1,2");
      await member("w").commit();
    },
  },
  "More / Active member and partitions of a topic nobody reads": {
    before: async ({ admin }) => {
      await leave("w");
      const offsets = [0, 11].map((partition) => ({ topic: "twelve", partition, offset: 0 }));
      await admin.alterGroupOffsets("watcher", offsets);
      await join("watcher", "w", "pay");
      await member("w").owns("0,1,2");
    },
  },
};

function offsetsFile(): string {
  return stage.file("offsets.csv", "order-events,0,1\norder-events,1,2\norder-events,5,999\n");
}

beforeAll(async () => {
  stage = await Stage.open();
}, 60_000);
afterAll(async () => {
  await Promise.all([...members.values()].map((one) => one.close()));
  await stage[Symbol.asyncDispose]();
});

describe("kafka-consumer-groups", () => {
  declareNames(all, { waiting, others });
  declareNames(cases, { directions: Object.keys(directions) });
  declareWaiting(waiting);
  playAll(cases, directions, () => stage);
});
