/**
 * One measurement of an assignor in a process of its own: `node bench/assignors-round.ts <case>/<new|again> <times>` prints the milliseconds of each time as a JSON array: processor
 * time of the thread, which does nothing else and waits for nothing, so that it is what assigning takes when a core is free. The first one is what a member that has just
 * become leader sees, before the code has warmed up.
 */
import type {
  GroupAssignment,
  GroupSpec,
  MemberSpec,
  SubscribedTopics,
} from "../packages/broker/src/coordinator/assignors/assignor.ts";
import { uniform } from "../packages/broker/src/coordinator/assignors/uniform.ts";
import {
  type Assignor,
  type AssignorMember,
  type AssignorTopics,
  cooperativeSticky,
  sticky,
} from "../packages/client/src/index.ts";

/** Some topics of one size. */
class Topics implements AssignorTopics, SubscribedTopics {
  readonly names: readonly string[];
  readonly #size: number;

  constructor(count: number, partitions: number) {
    this.names = Array.from({ length: count }, (_, n) => `topic-${String(n).padStart(4, "0")}`);
    this.#size = partitions / count;
  }

  partitionCount(): number {
    return this.#size;
  }

  replicaRacks(): string[] {
    return [];
  }
}

const memberIds = (count: number) => Array.from({ length: count }, (_, n) => `consumer-${String(n).padStart(5, "0")}`);

/** All topics for everybody. */
const alike = (topics: Topics) => () => topics.names;
/** Five parts of the members with a fifth of the topics each, as in Kafka's ServerSideAssignorBenchmark. */
const inFive = (topics: Topics) => {
  const size = Math.ceil(topics.names.length / 5);
  const parts = Array.from({ length: 5 }, (_, n) => topics.names.slice(n * size, (n + 1) * size));
  return (member: number) => parts[member % 5]!;
};
/** All topics for everybody but the last, which has only one: as in Kafka's AbstractStickyAssignorTest. */
const butOne = (topics: Topics, members: number) => (member: number) =>
  member === members - 1 ? topics.names.slice(0, 1) : topics.names;
/** A window of fifty neighbouring topics, another one for each member. */
const windows = (topics: Topics) => {
  const twice = [...topics.names, ...topics.names];
  return (member: number) => twice.slice((member * 7) % topics.names.length).slice(0, 50);
};

/** A group that assigns from nothing, or after one of its members has left. */
function client(assignor: Assignor, topics: Topics, count: number, topicsOf: (n: number) => readonly string[]) {
  const fresh = memberIds(count).map((memberId, n): AssignorMember => {
    const topics = topicsOf(n);
    const joined = { memberId, groupInstanceId: null, userData: null, rackId: null };
    return { ...joined, topics, ownedPartitions: new Map(), generationId: -1 };
  });
  return (isFresh: boolean) => {
    if (isFresh) return () => assignor.assign(topics, fresh);
    const assignment = assignor.assign(topics, fresh);
    const remembering = fresh.slice(1).map((member) => {
      const lastAssignment = assignment.get(member.memberId)!.partitions;
      const context = { topics: member.topics, lastAssignment, lastGenerationId: 1 };
      const userData = assignor.subscription?.(context) ?? null;
      return assignor === sticky
        ? { ...member, userData }
        : { ...member, userData, ownedPartitions: lastAssignment, generationId: 1 };
    });
    return () => assignor.assign(topics, remembering);
  };
}

/** The same on the server, where one member has joined. */
function server(assignor: typeof uniform, topics: Topics, count: number, topicsOf: (n: number) => readonly string[]) {
  const isHomogeneous = topicsOf(0) === topicsOf(count - 1) && topicsOf(1) === topicsOf(0);
  const nothing = new Map();
  const group = (count: number, assignment: GroupAssignment | null): GroupSpec => ({
    isHomogeneous,
    members: new Map(
      memberIds(count).map((memberId, n): [string, MemberSpec] => {
        const assigned = assignment?.get(memberId) ?? nothing;
        return [memberId, { instanceId: null, rackId: null, topicIds: new Set(topicsOf(n)), assigned }];
      }),
    ),
  });
  return (isFresh: boolean) => {
    const before = group(isFresh ? count : count - 1, null);
    if (isFresh) return () => assignor.assign(before, topics);
    const after = group(count, assignor.assign(before, topics));
    return () => assignor.assign(after, topics);
  };
}

const cases: Record<string, (isFresh: boolean) => () => unknown> = {};
for (const partitions of [10_000, 100_000, 1_000_000]) {
  const topics = new Topics(500, partitions);
  cases[`sticky-${partitions}`] = client(sticky, topics, 2000, alike(topics));
  cases[`cooperative-${partitions}`] = client(cooperativeSticky, topics, 2000, alike(topics));
}
const mixed = new Topics(500, 250_000);
for (const [name, topicsOf] of Object.entries({
  inFive: inFive(mixed),
  butOne: butOne(mixed, 5000),
  windows: windows(mixed),
})) {
  cases[`mixed-${name}`] = client(cooperativeSticky, mixed, 5000, topicsOf);
}
for (const [name, topicsOf] of Object.entries({ inFive: inFive(mixed), butOne: butOne(mixed, 5000) })) {
  cases[`server-mixed-${name}`] = server(uniform, mixed, 5000, topicsOf);
}
const large = new Topics(1000, 500_000);
cases["server-uniform"] = server(uniform, large, 10_000, alike(large));

const [name = "", times = "1"] = process.argv.slice(2);
const [caseName = "", state] = name.split("/");
const prepare = cases[caseName];
if (prepare === undefined) throw new Error(`no case ${name}; there are ${Object.keys(cases).join(", ")}`);
const assign = prepare(state !== "again");
const taken: number[] = [];
for (let n = 0; n < Number(times); n++) {
  const start = process.threadCpuUsage();
  assign();
  const { user, system } = process.threadCpuUsage(start);
  taken.push((user + system) / 1000);
}
console.log(JSON.stringify(taken));
