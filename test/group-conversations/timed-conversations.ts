/** What becomes of groups when members fall silent, topics change, settings change. */
import { apis, errorName } from "@ottla/protocol";
import { type Conversation, hasAssignment, partitionsOf, type ScriptedMember, type Talk } from "./conversation.ts";

async function setForGroup(to: Conversation, group: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const configs = Object.entries(settings).map(([name, value]) => ({ name, value, configOperation: 0 }));
  const resources = [{ resourceType: 32, resourceName: group, configs }];
  const { responses } = await to.ask(apis.incrementalAlterConfigs, { resources, validateOnly: false });
  to.note(`set for ${group}`, `${errorName(responses[0]!.errorCode)} ${responses[0]!.errorMessage}`);
  if (responses[0]!.errorCode !== 0) return;
  // Apache Kafka's controller has stored it; its brokers hear of that a little later.
  const asked = [{ resourceType: 32, resourceName: group, configurationKeys: Object.keys(settings) }];
  await to.until("the setting is there", async () => {
    const { results } = await to.ask(apis.describeConfigs, { resources: asked });
    return results[0]!.configs.every(({ name, value }) => value === settings[name]);
  });
}

async function isEmpty(to: Conversation, group: string): Promise<boolean> {
  const { groups } = await to.ask(apis.listGroups, { statesFilter: ["Empty"], typesFilter: [] });
  return groups.some(({ groupId }) => groupId === group);
}

async function silence(to: Conversation): Promise<void> {
  await to.createTopic("silent", 2);
  await setForGroup(to, "silent", { "consumer.session.timeout.ms": "400" });
  await setForGroup(to, "silent", { "consumer.session.timeout.ms": "1000", "consumer.heartbeat.interval.ms": "200" });
  const member: ScriptedMember = { group: "silent", id: "m", topics: ["silent"] };
  await to.join(member);
  await to.until("the member is gone", () => isEmpty(to, "silent"));
  await to.describe("silent");
  await to.beat(member);
  await to.join(member);
}

async function slowRevocation(to: Conversation): Promise<void> {
  await to.createTopic("slow", 2);
  const slow: ScriptedMember = { group: "slow", id: "slow", topics: ["slow"], rebalanceTimeoutMs: 700 };
  const quick: ScriptedMember = { group: "slow", id: "quick", topics: ["slow"] };
  await to.join(slow);
  await to.join(quick);
  await to.beat(slow);
  await to.beatUntil("is fenced", slow, ({ errorCode }) => errorCode !== 0);
  await to.beatUntil("gets everything", quick, (answer) => partitionsOf(answer).length === 2);
  await to.describe("slow");
}

async function changingTopics(to: Conversation): Promise<void> {
  await to.createTopic("changing", 1);
  await to.createTopic("staying", 1);
  const member: ScriptedMember = { group: "changing", id: "m", topics: ["changing", "staying"] };
  await to.join(member);
  await to.beat(member, { changing: [0], staying: [0] });
  const topics = [{ name: "changing", count: 3, assignments: null }];
  await to.ask(apis.createPartitions, { topics, timeoutMs: 10_000, validateOnly: false });
  await to.beatUntil("gets the new partitions", member, hasAssignment);
  await to.beat(member, { changing: [0, 1, 2], staying: [0] });
  await to.ask(apis.deleteTopics, { topics: [{ name: null, topicId: to.idOf("changing") }], timeoutMs: 10_000 });
  await to.beatUntil("loses the topic", member, hasAssignment);
  await to.beat(member, { staying: [0] });
  await to.describe("changing");
}

async function settings(to: Conversation): Promise<void> {
  await to.createTopic("settings", 2);
  const member: ScriptedMember = { group: "settings", id: "m", topics: ["settings"] };
  await to.join(member);
  await setForGroup(to, "settings", { "consumer.heartbeat.interval.ms": "50" });
  await setForGroup(to, "settings", { "consumer.heartbeat.interval.ms": "60000" });
  await setForGroup(to, "settings", { "consumer.heartbeat.interval.ms": "7000" });
  await to.beatUntil("is told the interval", member, ({ heartbeatIntervalMs }) => heartbeatIntervalMs === 7000);
  // As long as this lasts, a change of the group is not answered with a new assignment.
  await setForGroup(to, "settings", { "consumer.assignment.interval.ms": "15000" });
  const other: ScriptedMember = { ...member, id: "other" };
  await to.join(other);
  await to.describe("settings");
  await setForGroup(to, "settings", { "consumer.assignment.interval.ms": "0" });
  await to.beatUntil("is told to share", member, hasAssignment);
  await to.describe("settings");
}

export const timedConversations: Readonly<Record<string, Talk>> = {
  "a member that falls silent": silence,
  "a member that does not let go": slowRevocation,
  "topics that change": changingTopics,
  "settings of a group": settings,
};
