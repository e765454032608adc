import { Consumer, json, string } from "@ottla/client";
import { type Cast, colored, handledBy, owns, partitionCount, shown, topic } from "./cast.ts";
import type { Order } from "./orders.ts";
import type { Stage } from "./stage.ts";

/** How one commit strategy went: what it handled, and what the group had committed in the end. */
interface Outcome {
  readonly strategy: string;
  readonly handled: number;
  readonly committed: number;
  readonly remark: string;
}

type OrderConsumer = Consumer<string, Order>;

/** Step 8 of the tutorial: the ways to commit. */
export async function commitStrategies(stage: Stage, cast: Cast): Promise<void> {
  stage.begin(
    "Offset commit strategies",
    "four groups handle five orders each and stop; what counts is what they have committed then",
  );
  const outcomes = [
    await outcome(cast, "auto", "auto-commit", "by itself: not the one it broke off at", automatic),
    await outcome(cast, "sync", "commit()", "after each order, waited for", synchronous),
    await outcome(cast, "async", "commitAsync()", "after each order; the last waited for", asynchronous),
    await outcome(cast, "batch", "batches()", "once for a partition's orders at a time", byBatch),
  ];
  stage.table(
    ["strategy", "handled", "committed", ""],
    outcomes.map(({ strategy, handled, committed, remark }) => [strategy, handled, committed, remark]),
  );
  const [auto, ...others] = outcomes;
  stage.check("auto-commit never passes what is unfinished", auto !== undefined && auto.committed === auto.handled - 1);
  stage.check(
    "the others commit all that they handled",
    others.every(({ handled, committed }) => handled >= 5 && committed === handled),
  );
}

async function outcome(
  cast: Cast,
  name: string,
  strategy: string,
  remark: string,
  handle: (consumer: OrderConsumer) => Promise<number>,
): Promise<Outcome> {
  const groupId = `${name}-commit-group`;
  const consumer: OrderConsumer = new Consumer({
    bootstrapServers: cast.bootstrapServers,
    groupId,
    key: string,
    value: json<Order>(),
    autoOffsetReset: "earliest",
    enableAutoCommit: name === "auto",
  });
  await consumer.subscribe([topic]);
  const handled = await handle(consumer);
  await consumer.close();
  return { strategy, handled, committed: await committedBy(cast, groupId), remark };
}

async function automatic(consumer: OrderConsumer): Promise<number> {
  let handled = 0;
  for await (const _message of consumer) if (++handled === 5) break;
  return handled;
}

async function synchronous(consumer: OrderConsumer): Promise<number> {
  let handled = 0;
  for await (const _message of consumer) {
    await consumer.commit();
    if (++handled === 5) break;
  }
  return handled;
}

async function asynchronous(consumer: OrderConsumer): Promise<number> {
  let handled = 0;
  for await (const _message of consumer) {
    consumer.commitAsync();
    if (++handled < 5) continue;
    await consumer.commit();
    break;
  }
  return handled;
}

async function byBatch(consumer: OrderConsumer): Promise<number> {
  let handled = 0;
  for await (const batch of consumer.batches()) {
    for (const _message of batch) handled += 1;
    await consumer.commit();
    if (handled >= 5) break;
  }
  return handled;
}

/** The sum of a group's committed offsets. */
async function committedBy(cast: Cast, groupId: string): Promise<number> {
  const offsets = await cast.admin.listGroupOffsets(groupId);
  return offsets.reduce((sum, { offset }) => sum + offset, 0);
}

/** Step 9: the listener commits before its partitions go. */
export async function rebalanceListener(stage: Stage, cast: Cast): Promise<void> {
  const group = "rebalance-test-group";
  stage.begin(
    "A rebalance listener",
    "consumer-1 commits nothing on its own; when consumer-2 joins, its listener commits before it lets go",
  );
  const first = cast.join(group, "consumer-1", { commit: "revoked" });
  await cast.until(() => handledBy([first]) === cast.placed.length);
  const second = cast.join(group, "consumer-2", { commit: "revoked" });
  const settled = await cast.until(() =>
    owns(
      [first, second],
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ),
  );
  for (const member of [first, second]) {
    const say = (what: string) => stage.say(colored(member, `${member.name} ${what}`));
    for (const { event, partitions, handled } of member.changes) {
      say(`${event} ${shown(partitions)}${event === "revoked" ? `, after committing ${handled} orders` : ""}`);
    }
  }
  stage.check(
    "consumer-2 took over three partitions",
    settled,
    `${shown(first.assignment)} | ${shown(second.assignment)}`,
  );
  const more = await cast.sendOrders(12);
  const all = await cast.until(() => handledBy([first, second]) === cast.placed.length);
  stage.check(
    "and went on where consumer-1 had stopped: no order was handled twice",
    all,
    `${handledBy([first, second])} handled, ${cast.placed.length} sent`,
  );
  stage.check("12 new orders reached both", more.length === 12 && handledBy([second]) > 0);
  await Promise.all([cast.leave(first), cast.leave(second)]);
}

/** Step 6: what waits in each partition. */
export async function lag(stage: Stage, cast: Cast): Promise<void> {
  const group = "lag-group";
  stage.begin("Consumer group lag", "the end of each partition less what the group has committed there");
  const member = cast.join(group, "consumer-1");
  await cast.until(() => handledBy([member]) === cast.placed.length);
  await cast.leave(member);
  const behind = await cast.sendOrders(30);
  stage.say("consumer-1 has stopped; 30 more orders arrive:");
  const waiting = await showLag(stage, cast, group);
  stage.check(
    "the lag is 30, each partition's what arrived there",
    waiting.join() === cast.counts(behind).join(),
    waiting.join(", "),
  );
  const again = cast.join(group, "consumer-1");
  await cast.until(() => handledBy([again]) === behind.length);
  await cast.leave(again);
  stage.say("consumer-1 is back:");
  const rest = await showLag(stage, cast, group);
  stage.check(
    "and has caught up",
    rest.every((lag) => lag === 0),
    rest.join(", "),
  );
}

async function showLag(stage: Stage, cast: Cast, group: string): Promise<number[]> {
  const rows = (await cast.admin.groupLag(group))
    .filter((row) => row.topic === topic)
    .sort((a, b) => a.partition - b.partition);
  stage.table(
    ["partition", "committed", "end", "lag"],
    rows.map((row) => [row.partition, row.committedOffset ?? "-", row.endOffset, row.lag ?? "-"]),
  );
  return Array.from(
    { length: partitionCount },
    (_, partition) => rows.find((row) => row.partition === partition)?.lag ?? 0,
  );
}
