import { type Cast, handledBy, inColorOf, owns, partitionCount, shown, topic } from "./cast.ts";
import type { MemberProcess } from "./member-process.ts";
import type { Stage } from "./stage.ts";

const group = "order-processing-group";
const allPartitions = Array.from({ length: partitionCount }, (_, partition) => partition);

/** Step 1 of the tutorial: a topic with six partitions. */
export async function createTopic(stage: Stage, cast: Cast): Promise<void> {
  stage.begin(
    "A topic with six partitions",
    `kafka-topics --create --topic ${topic} --partitions ${partitionCount} --replication-factor 1`,
  );
  await cast.admin.createTopics([{ topic, partitions: partitionCount, replicationFactor: 1 }]);
  const [described] = await cast.admin.describeTopics([topic]);
  stage.check(`${topic} has ${partitionCount} partitions`, described?.partitions.length === partitionCount);
}

/** Step 2: the key decides the partition. */
export async function produceOrders(stage: Stage, cast: Cast): Promise<void> {
  stage.begin(
    "Key-based partitioning",
    "60 orders, the customer as key: murmur2(key) decides, as in every Kafka client",
  );
  const placed = await cast.sendOrders(60);
  for (const { order, partition, offset } of placed.slice(0, 4)) {
    const { orderId, customerId, orderType } = order;
    stage.say(`${orderId} | ${customerId} | ${orderType} | partition ${partition} | offset ${offset}`);
  }
  stage.say("...");
  stage.bars(cast.counts());
  const partitionOf = new Map<string, Set<number>>();
  for (const { order, partition } of placed) {
    partitionOf.set(order.customerId, (partitionOf.get(order.customerId) ?? new Set()).add(partition));
  }
  stage.check(
    "all orders of a customer are in one partition",
    [...partitionOf.values()].every((partitions) => partitions.size === 1),
  );
  const inOrder = placed.every(({ order, partition, offset }, index) =>
    placed
      .slice(0, index)
      .every(
        (earlier) =>
          earlier.order.customerId !== order.customerId || (earlier.partition === partition && earlier.offset < offset),
      ),
  );
  stage.check("and in the order in which they were sent", inOrder);
}

/** Step 3: a group of one. */
export async function singleConsumer(stage: Stage, cast: Cast): Promise<MemberProcess> {
  stage.begin("A single consumer", `the only member of ${group} owns every partition`);
  const first = cast.join(group, "consumer-1");
  stage.check(
    "consumer-1 owns all six partitions",
    await cast.until(() => owns([first], [allPartitions])),
    shown(first.assignment),
  );
  stage.check(
    `and has handled all ${cast.placed.length} orders, a commit after each`,
    await cast.until(() => handledBy([first]) === cast.placed.length),
    `${handledBy([first])}`,
  );
  return first;
}

/** Steps 4 and 5: three consumers in the group. */
export async function threeConsumers(stage: Stage, cast: Cast, first: MemberProcess): Promise<MemberProcess[]> {
  stage.begin(
    "Three consumers in one group",
    "two more join; the range strategy gives each two neighbouring partitions",
  );
  const before = [owned(first), "(not started)", "(not started)"];
  const members = [first, cast.join(group, "consumer-2"), cast.join(group, "consumer-3")];
  const settled = await cast.until(() =>
    owns(members, [
      [0, 1],
      [2, 3],
      [4, 5],
    ]),
  );
  showChange(stage, members, before);
  stage.check("each owns two partitions", settled);
  const told = members.map((member) => member.events.length);
  const seen = handledBy(members);
  await cast.sendOrders(30);
  const all = await cast.until(() => handledBy(members) === seen + 30);
  const byOwner = members.every((member, index) =>
    member.events
      .slice(told[index])
      .every((event) => event.event !== "handled" || member.assignment?.includes(event.partition)),
  );
  stage.check(
    "30 more orders, each handled once, by the owner of its partition",
    all && byOwner,
    `${handledBy(members) - seen} were handled`,
  );
  return members;
}

/** The tutorial's "after consumer 2 fails". */
export async function consumerDies(
  stage: Stage,
  cast: Cast,
  members: readonly MemberProcess[],
): Promise<MemberProcess[]> {
  stage.begin(
    "Consumer 2 fails",
    "killed, it cannot say good-bye: after its session timeout (6 s here) the group shares its partitions",
  );
  const [first, second, third] = members as [MemberProcess, MemberProcess, MemberProcess];
  const before = members.map(owned);
  await cast.kill(second);
  const left = [first, third];
  const settled = await cast.until(() =>
    owns(left, [
      [0, 1, 2],
      [3, 4, 5],
    ]),
  );
  stage.table(
    ["consumer", "before", "after"],
    [
      [nameOf(first), before[0] ?? "", owned(first)],
      [nameOf(second), before[1] ?? "", "(dead)"],
      [nameOf(third), before[2] ?? "", owned(third)],
    ],
  );
  stage.check("the others own three partitions each", settled);
  return left;
}

/** Step 7: the same four members under each strategy. */
export async function strategies(stage: Stage, cast: Cast): Promise<void> {
  stage.begin("Partition assignment strategies", "four consumers, six partitions, one group for each strategy");
  const expected = { range: [[0, 1], [2, 3], [4], [5]], roundrobin: [[0, 4], [1, 5], [2], [3]] };
  const groups = (["range", "roundrobin"] as const).map((strategy) => ({
    strategy,
    members: [1, 2, 3, 4].map((number) => cast.join(`${strategy}-group`, `consumer-${number}`, { strategy })),
  }));
  const settled = await Promise.all(
    groups.map(({ strategy, members }) => cast.until(() => owns(members, expected[strategy]))),
  );
  const rows = groups[0]?.members.map((member, index) => [
    nameOf(member),
    ...groups.flatMap(({ members }) => members.slice(index, index + 1).map(owned)),
  ]);
  stage.table(["consumer", ...groups.map(({ strategy }) => strategy)], rows ?? []);
  groups.forEach(({ strategy, members }, index) => {
    stage.check(
      `${strategy} assigns as Kafka's does`,
      settled[index] === true,
      members.map((member) => shown(member.assignment)).join(" | "),
    );
  });
  await Promise.all(groups.flatMap(({ members }) => members.map((member) => cast.leave(member))));
}

function showChange(stage: Stage, members: readonly MemberProcess[], before: readonly string[]): void {
  stage.table(
    ["consumer", "before", "after"],
    members.map((member, index) => [nameOf(member), before[index] ?? "", owned(member)]),
  );
}

function nameOf(member: MemberProcess): string {
  return inColorOf(member, member.name);
}

/** What a member owns now, in its colour. */
function owned(member: MemberProcess): string {
  return inColorOf(member, shown(member.assignment));
}
