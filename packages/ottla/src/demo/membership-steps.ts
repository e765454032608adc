import { type Cast, colored, handledBy, owns, shown } from "./cast.ts";
import { nameOf, owned } from "./group-steps.ts";
import type { Stage } from "./stage.ts";

/** What the tutorial leaves to try: an assignment logic of one's own. */
export async function customStrategy(stage: Stage, cast: Cast): Promise<void> {
  stage.begin(
    "A strategy of one's own",
    "an assignor is an object with a name and a function: this one shares out by weight, which each member tells",
  );
  const weights = [3, 2, 1];
  const members = weights.map((weight, index) =>
    cast.join("weighted-group", `consumer-${index + 1}`, { strategy: "weighted", weight }),
  );
  const settled = await cast.until(() => owns(members, [[0, 1, 2], [3, 4], [5]]));
  stage.table(
    ["consumer", "weight", "partitions"],
    members.map((member, index) => [nameOf(member), weights[index]!, owned(member)]),
  );
  stage.check("as many partitions as the weights say", settled);
  await Promise.all(members.map((member) => cast.leave(member)));
}

/** Static membership (KIP-345): a restart that nobody notices. */
export async function staticMember(stage: Stage, cast: Cast): Promise<void> {
  const group = "static-group";
  stage.begin(
    "A static member's restart",
    "with a groupInstanceId a consumer that restarts within its session timeout keeps its place in the group",
  );
  const join = (name: string) => cast.join(group, name, { groupInstanceId: `static-${name}` });
  const [first, second] = [join("consumer-1"), join("consumer-2")];
  const expected = [
    [0, 1, 2],
    [3, 4, 5],
  ];
  const started = await cast.until(
    () => owns([first, second], expected) && handledBy([first, second]) >= cast.placed.length,
  );
  const [told, handled] = [first.changes.length, handledBy([first, second])];
  const began = cast.clock.now();
  await cast.leave(second);
  const away = await ownedInGroup(cast, group, "static-consumer-2");
  const orders = await cast.sendOrders(12);
  const again = join("consumer-2");
  const back = await cast.until(
    () => owns([first, again], expected) && handledBy([first, second, again]) >= handled + 12,
  );
  const awayMs = (again.changes[0]?.at ?? began) - began;
  stage.table(
    ["consumer", "before", "while 2 is away", "after"],
    [
      [nameOf(first), shown(expected[0]!), shown(first.assignment), owned(first)],
      [nameOf(again), shown(expected[1]!), `${shown(away)} (kept for it)`, owned(again)],
    ].map((row, index) =>
      row.map((cell, column) => (column === 0 ? cell : colored(index === 0 ? first : again, cell))),
    ),
  );
  stage.check("the group keeps consumer-2's partitions for it", started && String(away) === String(expected[1]));
  stage.check(
    `back after ${awayMs} ms it owns them again, and handles what came meanwhile`,
    back && handledBy([first, second, again]) === handled + orders.length,
    `${shown(first.assignment)} | ${shown(again.assignment)}`,
  );
  stage.check("consumer-1 was told of nothing: no rebalance", first.changes.length === told);
  await Promise.all([cast.leave(first), cast.leave(again)]);
}

/** What a static member owns, as the group's coordinator has it. */
async function ownedInGroup(cast: Cast, groupId: string, instanceId: string): Promise<number[] | null> {
  const [group] = await cast.admin.describeGroups([groupId]);
  const member = group?.members.find(({ groupInstanceId }) => groupInstanceId === instanceId);
  return member?.assignment.map(({ partition }) => partition) ?? null;
}
