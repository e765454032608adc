/** Groups whose members speak one protocol or the other, or change from one to the other. */
import { apis, errorName } from "@ottla/protocol";
import { ClassicMember } from "./classic-member.ts";
import { type Conversation, partitionsOf, type ScriptedMember, type Talk } from "./conversation.ts";

async function strangeGroups(to: Conversation): Promise<void> {
  await to.createTopic("classic", 2);
  const strange = new ClassicMember(to, "classic-strange", "other", ["classic"]);
  await strange.join();
  const member: ScriptedMember = { group: "classic-strange", id: "m", topics: ["classic"] };
  await to.join(member);
  await to.beatAt(member, 1);
  await to.list("classic", ["classic"]);
  await to.describe("classic-strange");
  await strange.leave();
  await to.join(member);
  await to.list("classic");
  await new ClassicMember(to, "classic-strange", "other", ["classic"]).join();
}

/** A classic group gets a member of the new protocol, and loses it again. */
async function conversion(to: Conversation): Promise<void> {
  await to.createTopic("converted", 4);
  const classic = new ClassicMember(to, "converted", "consumer", ["converted"]);
  const modern: ScriptedMember = { group: "converted", id: "modern", topics: ["converted"] };
  await classic.join();
  await classic.sync(classic.assignmentOf({ converted: [0, 1, 2, 3] }));
  await classic.heartbeat();
  await classic.commit("converted");
  await to.list("converted");
  await to.join(modern);
  await to.list("converted");
  await to.describe("converted");
  await classic.heartbeat();
  await classic.commit("converted");
  await classic.join({ converted: [0, 1, 2, 3] });
  await classic.sync();
  await classic.heartbeat();
  await classic.join({ converted: [0, 1] });
  await classic.sync();
  await classic.heartbeat();
  await to.beat(modern);
  await to.beat(modern, { converted: partitionsOf(await to.beat(modern)) });
  await to.describe("converted");
  await classic.commit("converted");
  await to.describeAsClassic("converted", 6);
  await to.beatAt(modern, -1);
  await to.list("converted");
  await classic.heartbeat();
  await classic.join({ converted: [0, 1] });
  await classic.sync(classic.assignmentOf({ converted: [0, 1, 2, 3] }));
  await classic.heartbeat();
  await to.list("converted");
  await to.describeAsClassic("converted", 6);
  await classic.leave();
  await to.list("converted");
}

/** A group of the new protocol gets a classic member, which is all that is left in the end. */
async function classicInConsumerGroup(to: Conversation): Promise<void> {
  await to.createTopic("mixed", 4);
  const modern: ScriptedMember = { group: "mixed", id: "modern", topics: ["mixed"] };
  await to.join(modern);
  await to.beat(modern, { mixed: [0, 1, 2, 3] });
  const classic = new ClassicMember(to, "mixed", "consumer", ["mixed"]);
  await classic.join();
  await classic.sync();
  await classic.heartbeat();
  await to.describe("mixed");
  await to.beat(modern, { mixed: partitionsOf(await to.beat(modern)) });
  await classic.heartbeat();
  await classic.join({});
  await classic.sync();
  await classic.heartbeat();
  await to.describe("mixed");
  await classic.leave();
  await to.describe("mixed");
  await new ClassicMember(to, "mixed", "other", ["mixed"]).join();
}

/** Two classic members with instance ids are restarted with the new protocol, one after the other, and one of them back. */
async function staticConversion(to: Conversation): Promise<void> {
  await to.createTopic("rolled", 4);
  const classic = ["i1", "i2"].map((id) => new ClassicMember(to, "rolled", "consumer", ["rolled"], id));
  await classic[0]!.join();
  await classic[0]!.sync(classic[0]!.assignmentOf({ rolled: [0, 1, 2, 3] }));
  const modern = (n: number): ScriptedMember => ({
    group: "rolled",
    id: `modern${n}`,
    instanceId: `i${n}`,
    topics: ["rolled"],
  });
  await to.join(modern(2));
  await to.describe("rolled");
  await classic[0]!.heartbeat();
  await to.join(modern(1));
  await classic[0]!.heartbeat();
  await to.describe("rolled");
  await to.beatAt(modern(1), -2);
  await classic[1]!.join();
  await classic[1]!.sync();
  await to.describe("rolled");
}

/** Requests of the classic protocol about members of the other one. */
async function strangeRequests(to: Conversation): Promise<void> {
  await to.createTopic("strange", 2);
  const member: ScriptedMember = { group: "strange", id: "m", topics: ["strange"] };
  const fixed: ScriptedMember = { ...member, id: "f", instanceId: "i" };
  await to.join(member);
  await to.join(fixed);
  const who = { groupId: "strange", memberId: "m", generationId: to.epochOf(member) };
  to.note("a heartbeat of the other protocol", errorName((await to.ask(apis.heartbeat, who)).errorCode));
  const sync = { ...who, protocolType: "consumer", protocolName: "range", assignments: [] };
  to.note("a sync of the other protocol", errorName((await to.ask(apis.syncGroup, sync)).errorCode));
  const stranger = { ...who, memberId: "nobody" };
  to.note("a heartbeat of nobody", errorName((await to.ask(apis.heartbeat, stranger)).errorCode));
  to.note("a sync of nobody", errorName((await to.ask(apis.syncGroup, { ...sync, memberId: "nobody" })).errorCode));
  for (const leaving of [
    { memberId: "m", groupInstanceId: null },
    { memberId: "nobody", groupInstanceId: null },
    { memberId: "", groupInstanceId: "i" },
    { memberId: "m", groupInstanceId: "i" },
  ]) {
    const { errorCode, members } = await to.ask(apis.leaveGroup, { groupId: "strange", members: [leaving] });
    to.note(
      `${JSON.stringify(leaving)} leaves`,
      `${errorName(errorCode)} ${members.map((one) => errorName(one.errorCode))}`,
    );
  }
  await to.describe("strange");
  const other = new ClassicMember(to, "strange", "consumer", ["strange"], "i");
  await other.join();
}

/** A member that lets the broker choose its id, as the first version allows. */
async function givenId(to: Conversation): Promise<void> {
  await to.createTopic("given", 1);
  const join = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ["given"], topicPartitions: [] };
  const about = { groupId: "given", memberEpoch: 0, ...join };
  const { memberId } = await to.ask(apis.consumerGroupHeartbeat, { ...about, memberId: "" }, 0);
  to.call(memberId ?? "", "chosen");
  to.note("an id of", String(memberId?.length));
  await to.heartbeat("again", { ...about, memberId: memberId ?? "" }, 0);
  await to.describe("given");
}

export const conversionConversations: Readonly<Record<string, Talk>> = {
  "groups of another kind": strangeGroups,
  "the way from one protocol to the other, and back": conversion,
  "a classic member among others": classicInConsumerGroup,
  "static members that change their protocol": staticConversion,
  "requests that do not fit": strangeRequests,
  "an id that the broker chooses": givenId,
};
