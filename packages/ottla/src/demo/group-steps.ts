import { allPartitions, type Cast, colored, handledBy, owns, partitionCount, shown, topic } from "./cast.ts";
import type { Member } from "./member-process.ts";
import type { Stage } from "./stage.ts";

const group = "order-processing-group";
/** Kafka's default is 45 s. */
const sessionTimeoutMs = 3000;

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
export async function singleConsumer(stage: Stage, cast: Cast): Promise<Member> {
  stage.begin("A single consumer", `the only member of ${group} owns every partition`);
  const first = cast.join(group, "consumer-1", { sessionTimeoutMs });
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
export async function threeConsumers(stage: Stage, cast: Cast, first: Member): Promise<Member[]> {
  stage.begin(
    "Three consumers in one group",
    "two more join; the range strategy gives each two neighbouring partitions",
  );
  const before = [owned(first), "(not started)", "(not started)"];
  const members = [
    first,
    cast.join(group, "consumer-2", { sessionTimeoutMs }),
    cast.join(group, "consumer-3", { sessionTimeoutMs }),
  ];
  const settled = await cast.until(() =>
    owns(members, [
      [0, 1],
      [2, 3],
      [4, 5],
    ]),
  );
  showChange(stage, members, before);
  stage.check("each owns two partitions", settled);
  const told = members.map((member) => member.handled.length);
  const seen = handledBy(members);
  await cast.sendOrders(30);
  const all = await cast.until(() => handledBy(members) === seen + 30);
  const byOwner = members.every((member, index) =>
    member.handled.slice(told[index]).every(({ partition }) => member.assignment?.includes(partition)),
  );
  stage.check(
    "30 more orders, each handled once, by the owner of its partition",
    all && byOwner,
    `${handledBy(members) - seen} were handled`,
  );
  return members;
}

/** The tutorial's "after consumer 2 fails". */
export async function consumerDies(stage: Stage, cast: Cast, members: readonly Member[]): Promise<Member[]> {
  stage.begin(
    "Consumer 2 fails",
    `killed, it cannot say good-bye: after its session timeout (${sessionTimeoutMs / 1000} s here) the group shares its partitions`,
  );
  const [first, second, third] = members as [Member, Member, Member];
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

function showChange(stage: Stage, members: readonly Member[], before: readonly string[]): void {
  stage.table(
    ["consumer", "before", "after"],
    members.map((member, index) => [nameOf(member), before[index] ?? "", owned(member)]),
  );
}

export function nameOf(member: Member): string {
  return colored(member, member.name);
}

/** What a member owns now, in its colour. */
export function owned(member: Member): string {
  return colored(member, shown(member.assignment));
}
