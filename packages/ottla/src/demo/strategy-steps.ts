import { sleep } from "@ottla/runtime";
import { allPartitions, type Cast, colored, handledBy, type MemberSettings, partitionCount } from "./cast.ts";
import type { ChangeEvent } from "./member-events.ts";
import type { Member } from "./member-process.ts";
import { streamIntervalMs } from "./order-stream.ts";
import type { Stage } from "./stage.ts";
import { longestGap, moved, type Span, timeline } from "./stand-still.ts";

const topic = "order-stream";
/** The broker tells members of KIP-848 groups the same. */
export const heartbeatIntervalMs = 300;
/** How long consumer-2 takes to put its work away when it has to let go of partitions. */
const lettingGoMs = 300;
const timelineWidth = 26;

/** One way to share partitions out, and what Kafka's does with two members and with three; null where that depends on who came first. */
interface Way {
  readonly name: string;
  readonly protocol: "eager" | "cooperative" | "KIP-848";
  readonly settings: MemberSettings;
  readonly expected: readonly (readonly number[])[] | null;
}

const ways: readonly Way[] = [
  // biome-ignore-start format: as a table
  {
    name: "range",
    protocol: "eager",
    settings: { strategy: "range" },
    expected: [
      [0, 1],
      [2, 3],
      [4, 5],
    ],
  },
  {
    name: "roundrobin",
    protocol: "eager",
    settings: { strategy: "roundrobin" },
    expected: [
      [0, 3],
      [1, 4],
      [2, 5],
    ],
  },
  { name: "sticky", protocol: "eager", settings: { strategy: "sticky" }, expected: null },
  { name: "cooperative-sticky", protocol: "cooperative", settings: { strategy: "cooperative-sticky" }, expected: null },
  { name: "KIP-848, uniform", protocol: "KIP-848", settings: { strategy: "KIP-848" }, expected: null },
  // biome-ignore-end format: as a table
];

/** A group that one way was tried with. */
interface Trial {
  readonly way: Way;
  readonly members: readonly Member[];
  /** What each member owned before the third one came. */
  readonly before: readonly (readonly number[])[];
  /** What the first two were told after that. */
  readonly changes: readonly (readonly ChangeEvent[])[];
}

/** Step 7 of the tutorial: the strategies beside each other, while a third consumer joins two. */
export async function strategies(stage: Stage, cast: Cast): Promise<void> {
  stage.begin(
    "Partition assignment strategies",
    `a group for each strategy: two consumers, then a third joins, while every partition gets an order each ${streamIntervalMs} ms; consumer-2 takes ${lettingGoMs} ms to put its work away before it lets go, and there are heartbeats each ${heartbeatIntervalMs} ms`,
  );
  await cast.admin.createTopics([{ topic, partitions: partitionCount }]);
  const stream = cast.stream(topic);
  const [first, second] = [join(cast, "consumer-1"), join(cast, "consumer-2", { lettingGoMs })];
  const started = await cast.until(() => [...first, ...second].every((member) => isFlowing(member, 3)));
  const before = ways.map((_, index) =>
    [first[index]!, second[index]!, null].map((member) => member?.assignment ?? []),
  );
  const told = [...first, ...second].map(({ changes }) => changes.length);
  const third = join(cast, "consumer-3");
  const groups = ways.map((_, index) => [first[index]!, second[index]!, third[index]!]);
  const settled = await cast.until(() => groups.flat().every((member) => isFlowing(member, 2)));
  // A little more of the stream, so that the pictures show that all goes on.
  await sleep(cast.clock, 300);
  const ended = cast.clock.now();
  await stream.stop();
  const trials = ways.map((way, index) => {
    const members = groups[index]!;
    const changes = [0, 1].map((number) => members[number]!.changes.slice(told[index + number * ways.length]));
    return { way, members, before: before[index]!, changes };
  });
  showMoves(stage, trials);
  checkMoves(stage, trials, started && settled);
  const all = await cast.until(() => trials.every(({ members }) => handledBy(members) >= stream.count));
  const once = trials.every(({ members }) => handledBy(members) === stream.count);
  stage.check("no group missed an order or handled one twice", all && once, countsOf(trials, stream.count));
  showStandStill(stage, trials, ended);
  await Promise.all([first, second, third].map(([member]) => cast.leave(member!)));
}

/** A member of each group, all in one process. */
function join(cast: Cast, name: string, more: MemberSettings = {}): readonly Member[] {
  return cast.joinSeveral(
    ways.map((way) => ({
      ...{ groupId: `${way.settings.strategy}-group`, name, topic, commit: "auto", heartbeatIntervalMs },
      ...{ ...way.settings, ...more },
    })),
  );
}

/** Whether it owns so many partitions and has handled orders of all since it got them. */
function isFlowing({ assignment, changes, handled }: Member, count: number): boolean {
  if (assignment?.length !== count) return false;
  const seen = new Set(handled.slice(changes.at(-1)?.handled).map(({ partition }) => partition));
  return assignment.every((partition) => seen.has(partition));
}

function after({ members }: Trial): (readonly number[])[] {
  return members.map(({ assignment }) => assignment ?? []);
}

function showMoves(stage: Stage, trials: readonly Trial[]): void {
  const names = trials[0]?.members.map((member) => colored(member, member.name)) ?? [];
  stage.table(
    ["strategy", ...names, "moved"],
    trials.map((trial) => [
      trial.way.name,
      ...trial.members.map((member, index) => {
        const [was, is] = [trial.before[index]!.join(), after(trial)[index]!.join()];
        return colored(member, was === "" ? is : `${was} → ${is}`);
      }),
      `${moved(trial.before, after(trial)).length} of ${partitionCount}`,
    ]),
  );
}

function checkMoves(stage: Stage, trials: readonly Trial[], settled: boolean): void {
  stage.check("three and three partitions, then two for each, in every group", settled, "it took too long");
  const exact = trials.filter(({ way }) => way.expected !== null);
  stage.check(
    `${exact.map(({ way }) => way.name).join(" and ")} assign as Kafka's do`,
    exact.every((trial) => String(after(trial)) === String(trial.way.expected)),
  );
  const sticking = trials.filter(({ way }) => way.expected === null);
  stage.check(
    "the sticky ones and KIP-848's move no more than the third one's two",
    sticking.every((trial) => moved(trial.before, after(trial)).length === 2),
  );
  const revoked = ({ changes }: Trial) =>
    changes.flat().flatMap(({ event, partitions }) => (event === "revoked" ? partitions : []));
  const [eager, others] = [true, false].map((isEager) =>
    trials.filter(({ way }) => (way.protocol === "eager") === isEager),
  );
  stage.check(
    "under the eager protocol both let go of everything",
    eager!.every((trial) => String(revoked(trial).sort()) === String(allPartitions)),
  );
  stage.check(
    "under the others they let go only of what moved",
    others!.every((trial) => String(revoked(trial).sort()) === String(moved(trial.before, after(trial)))),
  );
}

function countsOf(trials: readonly Trial[], sent: number): string {
  return `${trials.map(({ way, members }) => `${way.name} ${handledBy(members)}`).join(", ")} of ${sent}`;
}

/** How long who stood still while the third one joined. */
function showStandStill(stage: Stage, trials: readonly Trial[], ended: number): void {
  const [first, second, third] = trials[0]!.members.map((member) => (text: string) => colored(member, text));
  stage.say();
  stage.say(
    "The longest time without an order while consumer-3 joins, in milliseconds, of each of the two and of the partitions that it hands over:",
  );
  stage.table(
    ["strategy", first!("consumer-1"), second!("consumer-2"), first!("given by 1"), second!("given by 2")],
    trials.map((trial) => {
      const span = spanOf([trial], ended);
      const perMember = trial.members.slice(0, 2).map(({ handled }) => longestGap(timesOf(handled), span));
      const gone = moved(trial.before, after(trial));
      const perGiver = [0, 1].map((giver) => {
        const given = gone.filter((partition) => trial.before[giver]!.includes(partition));
        return Math.max(...given.map((partition) => longestGap(partitionTimes(trial, partition), span)));
      });
      return [trial.way.name, ...perMember, ...perGiver];
    }),
  );
  const span = spanOf(trials, ended);
  stage.say();
  stage.say(
    `The same as a picture, a block for each ${Math.round(lengthOf(span) / timelineWidth)} ms in which there was an order:`,
  );
  stage.draw(`${"".padEnd(21)}${first!("consumer-1".padEnd(timelineWidth))}   ${third!("consumer-3")}`);
  for (const { way, members } of trials) {
    const [left, right] = [members[0]!, members[2]!].map((member) =>
      colored(member, timeline(timesOf(member.handled), span, timelineWidth)),
    );
    stage.draw(`${way.name.padEnd(21)}${left}   ${right}`);
  }
  stage.explain(...lessons);
}

const lessons = [
  "eager (the first three): all stop until the slowest has let go",
  "cooperative: what stays goes on, but nothing is handed over before all have let go",
  "KIP-848: what stays goes on, and each hands over on its own",
];

/** From a little before the first change. */
function spanOf(trials: readonly Trial[], to: number): Span {
  const times = trials
    .flatMap(({ changes, members }) => [...changes.flat(), ...members[2]!.changes])
    .map(({ at }) => at);
  return { from: Math.min(...times) - 200, to };
}

function lengthOf({ from, to }: Span): number {
  return to - from;
}

function timesOf(events: readonly { readonly at: number }[]): number[] {
  return events.map(({ at }) => at);
}

function partitionTimes({ members }: Trial, partition: number): number[] {
  const handled = members.flatMap((member) => member.handled.filter((event) => event.partition === partition));
  return timesOf(handled).sort((a, b) => a - b);
}
