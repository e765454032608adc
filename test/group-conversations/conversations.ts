/** Conversations with the coordinator of KIP-848 groups, to be held with two brokers. */
import { Conversation, hasAssignment, partitionsOf, type ScriptedMember, type Talk } from "./conversation.ts";
import { conversionConversations } from "./conversion-conversations.ts";
import { timedConversations } from "./timed-conversations.ts";

async function whatIsRefused(to: Conversation): Promise<void> {
  await to.createTopic("refused", 2);
  const member: ScriptedMember = { group: "refused", id: "m", topics: ["refused"] };
  await to.join(member, { memberId: "" });
  await to.join(member, { groupId: "" });
  await to.join(member, { instanceId: "" });
  await to.join(member, { rackId: "" });
  await to.join(member, { rebalanceTimeoutMs: -1 });
  await to.join(member, { topicPartitions: null });
  await to.join(member, { topicPartitions: to.owned({ refused: [0] }) });
  await to.join(member, { subscribedTopicNames: null });
  await to.join(member, { serverAssignor: "sticky" });
  await to.join(member, { subscribedTopicRegex: "foo(" });
  await to.join(member, { subscribedTopicRegex: "a{2000}" });
  await to.beatAt(member, -3);
  await to.beatAt(member, -2);
  await to.beatAt(member, -1);
  await to.beatAt(member, 5);
  await to.describe("refused");
  await to.join(member);
  await to.beatAt({ ...member, id: "other" }, 1);
  await to.beatAt(member, 7);
  await to.beatAt({ ...member, instanceId: "i" }, -2);
  await to.beatAt({ ...member, instanceId: "i" }, 1);
}

async function twoMembers(to: Conversation): Promise<void> {
  await to.createTopic("pair", 4);
  const first: ScriptedMember = { group: "pair", id: "first", topics: ["pair"] };
  const second: ScriptedMember = { ...first, id: "second" };
  await to.join(first);
  await to.describe("pair");
  await to.beat(first);
  await to.beat(first, { pair: [0, 1, 2, 3] });
  await to.list("pair");
  await to.join(second);
  await to.describe("pair");
  await to.list("pair", ["consumer"], ["reconciling"]);
  const kept = partitionsOf(await to.beat(first));
  await to.beat(second);
  await to.commit(first, 0, "pair");
  await to.beat(first, { pair: kept });
  await to.beat(second, { pair: partitionsOf(await to.beat(second)) });
  await to.describe("pair");
  await to.describe("pair", 0);
  await to.list("pair", ["consumer"], ["stable"]);
  await to.list("pair", ["classic"]);
  await to.deleteGroup("pair");
  await to.deleteOffsets("pair", "pair");
  await to.beatAt(second, -1);
  await to.describe("pair");
  await to.beat(first);
  await to.beatAt(first, -1);
  await to.describe("pair");
  await to.list("pair", [], ["empty"]);
  await to.deleteOffsets("pair", "pair");
  await to.deleteGroup("pair");
  await to.describe("pair");
  await to.describeAsClassic("pair", 6);
}

async function offsets(to: Conversation): Promise<void> {
  await to.createTopic("committed", 2);
  const member: ScriptedMember = { group: "committed", id: "m", topics: ["committed"] };
  const stranger = { ...member, id: "stranger" };
  await to.commit({ ...member, id: "" }, -1, "committed");
  await to.list("committed");
  await to.describe("committed");
  // A group of offsets alone becomes what its first member is.
  await to.join(member);
  await to.list("committed");
  for (const delta of [0, -1, 1]) await to.commit(member, delta, "committed");
  await to.commit(stranger, 0, "committed");
  await to.commit({ ...member, id: "" }, -1, "committed");
  await to.commit({ ...member, instanceId: "i" }, 0, "committed");
  await to.commit(member, -1, "committed", 8);
  await to.commit(member, 0, "committed", 8);
  await to.commit(member, 0, "committed", 9);
  for (const delta of [0, -1, 1]) await to.fetch(member, delta, "committed");
  await to.fetch(stranger, 0, "committed");
  await to.fetch(null, 0, "committed");
  await to.describeAsClassic("committed", 5);
  await to.describeAsClassic("committed", 6);
}

async function previousEpochs(to: Conversation): Promise<void> {
  await to.createTopic("epochs", 4);
  const first: ScriptedMember = { group: "epochs", id: "first", topics: ["epochs"] };
  await to.join(first);
  await to.join({ ...first, id: "second" });
  const kept = partitionsOf(await to.beat(first));
  const before = to.epochOf(first);
  await to.beat(first, { epochs: kept });
  // The answer got lost: the same again, then without what it owns, then with too much.
  await to.beat(first, { epochs: kept }, before);
  await to.beatAt(first, before);
  await to.beat(first, { epochs: [0, 1, 2, 3] }, before);
  await to.beatAt(first, 0);
  await to.join(first);
  await to.describe("epochs");
}

async function subscriptions(to: Conversation): Promise<void> {
  await to.createTopic("subscribed", 2);
  const member: ScriptedMember = { group: "subscribed", id: "m", topics: ["subscribed", "later"] };
  await to.join(member);
  await to.beat(member, { subscribed: [0, 1] });
  await to.createTopic("later", 1);
  await to.beatUntil("gets the new topic", member, hasAssignment);
  await to.beat(member, { subscribed: [0, 1], later: [0] });
  const change = { groupId: member.group, memberId: member.id };
  const now = () => ({ ...change, memberEpoch: to.epochOf(member) });
  await to.heartbeat("another subscription", { ...now(), subscribedTopicNames: ["later"] });
  await to.beat(member, { later: [0] });
  await to.describe("subscribed");
  await to.heartbeat("another assignor", { ...now(), serverAssignor: "range" });
  await to.heartbeat("another rebalance timeout", { ...now(), rebalanceTimeoutMs: 1000 });
  await to.heartbeat("a rack", { ...now(), rackId: "r" });
  await to.describe("subscribed");
  await to.heartbeat("no subscription", { ...now(), subscribedTopicNames: [] });
  await to.beat(member, {});
  await to.describe("subscribed");
}

async function expressions(to: Conversation): Promise<void> {
  for (const name of ["re-a", "re-b", "xre-c"]) await to.createTopic(name, 1);
  const member: ScriptedMember = { group: "expressions", id: "m", regex: "re-.*" };
  await to.join(member);
  await to.beatUntil("gets what matches", member, hasAssignment);
  await to.beat(member, { "re-a": [0], "re-b": [0] });
  await to.describe("expressions");
  const now = () => ({ groupId: member.group, memberId: member.id, memberEpoch: to.epochOf(member) });
  await to.heartbeat("a wrong expression", { ...now(), subscribedTopicRegex: "[z-a]" });
  await to.heartbeat("a name beside it", { ...now(), subscribedTopicNames: ["xre-c"] });
  await to.heartbeat("no expression", { ...now(), subscribedTopicRegex: "" });
  await to.describe("expressions");
  await to.beatAt(member, -1);
  await to.list("expressions");
}

async function staticMembers(to: Conversation): Promise<void> {
  await to.createTopic("static", 4);
  const one: ScriptedMember = { group: "static", id: "one", instanceId: "i1", topics: ["static"] };
  const two: ScriptedMember = { ...one, id: "two", instanceId: "i2" };
  await to.join(one);
  await to.beat(one, { static: [0, 1, 2, 3] });
  await to.join(two);
  await to.beat(one, { static: partitionsOf(await to.beat(one)) });
  await to.beat(two, { static: partitionsOf(await to.beat(two)) });
  await to.join({ ...one, id: "thief" });
  await to.beatAt({ ...one, id: "thief" }, 2);
  const epoch = to.epochOf(one);
  await to.beatAt(one, -2);
  await to.describe("static");
  await to.beatAt(one, epoch);
  const again = { ...one, id: "one-again" };
  await to.join(again);
  await to.beatAt(one, epoch);
  await to.describe("static");
  await to.commit({ ...two, instanceId: "i1" }, 0, "static");
  await to.beatAt(again, -1);
  await to.describe("static");
  await to.beatAt(two, -2);
  await to.deleteGroup("static");
}

async function assignors(to: Conversation): Promise<void> {
  await to.createTopic("range-a", 3);
  await to.createTopic("range-b", 2);
  const topics = ["range-a", "range-b"];
  const members = ["m1", "m2", "m3"].map((id): ScriptedMember => ({ group: "range", id, topics, assignor: "range" }));
  for (const member of members) await to.join(member);
  await to.describe("range");
  // Which topic's partitions go to whom depends on the topics' ids here: one is enough.
  const uniform = members.map(
    (member): ScriptedMember => ({ ...member, group: "uniform", topics: ["range-a"], assignor: "uniform" }),
  );
  for (const member of uniform) await to.join(member);
  await to.describe("uniform");
}

/** By what they are about. */
export const conversations: Readonly<Record<string, Talk>> = {
  "what is refused": whatIsRefused,
  "two members, and what they share": twoMembers,
  "commits and their epochs": offsets,
  "epochs of before": previousEpochs,
  "subscriptions that change": subscriptions,
  "regular expressions": expressions,
  "static members": staticMembers,
  "both assignors": assignors,
  ...conversionConversations,
  ...timedConversations,
};

/** What both brokers are started with, so that answers do not depend on when they are given. */
export const coordinatorConfig = {
  "group.consumer.assignment.interval.ms": "0",
  "group.consumer.min.session.timeout.ms": "500",
  "group.consumer.min.heartbeat.interval.ms": "100",
} as const;

/** Holds a conversation with a broker and hands back its record. */
export async function hold(name: string, bootstrapServers: string): Promise<string[]> {
  const to = await Conversation.connect(bootstrapServers);
  try {
    await conversations[name]!(to);
    return to.lines;
  } finally {
    to.close();
  }
}
