/**
 * How long a group stands still when a member comes, goes or dies: our broker with our clients beside Apache Kafka with Java clients, in turn. All members but one share a process, the one that
 * comes and goes has its own, warmed up. Each partition holds one record and nothing is committed, so that every new owner finds something to read: a partition flows again with that.
 */
import { randomUUID } from "node:crypto";
import { Admin, Producer, string } from "@ottla/client";
import { type MemberEvent, type MemberHost, Members } from "../test/support/members.ts";
import { type Figures, type Row, row, takeTurns } from "./measure.ts";

export interface GroupSubject {
  readonly bootstrapServers: string;
  readonly clients: "ottla" | "java";
}

export type GroupSubjects = Readonly<{ ours: GroupSubject; kafka: GroupSubject }>;

const protocols = {
  eager: { "partition.assignment.strategy": "range" },
  cooperative: { "partition.assignment.strategy": "cooperative-sticky" },
  consumer: { "group.protocol": "consumer" },
} as const;
type Protocol = keyof typeof protocols;

/** Session time-out of all members; the broker's, for the consumer protocol. It counts from a member's last heartbeat, so up to one heartbeat before its death. */
export const sessionTimeoutMs = 2000;

interface Case {
  readonly members: number;
  readonly partitions: number;
  readonly protocol: Protocol;
  /** Heartbeats and fetches as the bench sets them, or everybody's defaults. */
  readonly isQuick: boolean;
}

function settings({ protocol, isQuick }: Case, groupId: string): Record<string, string | number> {
  const quick = isQuick && protocol !== "consumer" ? { "heartbeat.interval.ms": 200 } : {};
  const session = isQuick && protocol !== "consumer" ? { "session.timeout.ms": sessionTimeoutMs } : {};
  const fetch = isQuick ? { "fetch.max.wait.ms": 100 } : {};
  return { "group.id": groupId, ...protocols[protocol], ...quick, ...session, ...fetch };
}

async function prepare({ bootstrapServers }: GroupSubject, topic: string, count: number): Promise<void> {
  await using admin = new Admin({ bootstrapServers });
  await admin.createTopics([{ topic, partitions: count, replicationFactor: 1 }]);
  await using producer = new Producer({ bootstrapServers, value: string });
  await producer.sendAll(Array.from({ length: count }, (_, partition) => ({ topic, partition, value: "one" })));
}

/** A group whose last member comes and goes, in a process of its own. */
class Group {
  private readonly members: Members;
  private readonly topic: string;
  private readonly spec: Case;
  private readonly partitions: readonly string[];

  constructor(members: Members, topic: string, spec: Case) {
    this.members = members;
    this.topic = topic;
    this.spec = spec;
    this.partitions = Array.from({ length: spec.partitions }, (_, partition) => `${topic}-${partition}`);
  }

  start(host: MemberHost, member: string): void {
    host.start(member, this.topic, settings(this.spec, this.topic));
  }

  /** Waits until every member has its share, everything flows and nothing has happened for a while. */
  async settled(count: number): Promise<void> {
    const share = Math.floor(this.spec.partitions / count);
    const isEven = () => {
      const { counts } = this.members;
      return (
        counts.length === count && counts.every((owned) => owned >= share) && this.members.isFlowing(this.partitions)
      );
    };
    for (let seen = -1; seen !== this.members.events.length; ) {
      await this.members.until(isEven, `${count} members settle`, 240_000);
      seen = this.members.events.length;
      await new Promise((resolve) => setTimeout(resolve, this.spec.isQuick ? 700 : 6000));
    }
  }

  /** What `change` brings about, until the group has settled as `count` members. */
  async watch(change: () => unknown, count: number): Promise<{ totalMs: number; heardMs: number; stoodStill: number }> {
    const from = this.members.events.length;
    const startedAt = Date.now();
    await change();
    await this.settled(count);
    const events = this.members.events.slice(from);
    return { ...totals(events, startedAt), heardMs: heard(events, startedAt) };
  }
}

/** Time until the last partition flowed again, and the sum over the partitions of the time that each stood still, in partition-seconds. */
function totals(events: readonly MemberEvent[], startedAt: number): { totalMs: number; stoodStill: number } {
  const stopped = new Map<string, number>();
  const stillMs = new Map<string, number>();
  let last = startedAt;
  for (const { what, partitions, at } of events) {
    for (const partition of partitions) {
      if ((what === "revoked" || what === "lost") && !stopped.has(partition)) stopped.set(partition, at);
      if (what !== "flowing") continue;
      stillMs.set(partition, at - (stopped.get(partition) ?? startedAt));
      last = Math.max(last, at);
    }
  }
  return { totalMs: last - startedAt, stoodStill: [...stillMs.values()].reduce((sum, ms) => sum + ms, 0) / 1000 };
}

/** Until the last of those whom it concerns heard of it: mostly the wait for the next heartbeat. */
function heard(events: readonly MemberEvent[], startedAt: number): number {
  const first = new Map<string, number>();
  for (const { member, at } of events) if (!first.has(member)) first.set(member, at);
  return Math.max(0, ...[...first.values()].map((at) => at - startedAt));
}

/** One group from its beginning: a member joins, leaves, joins again and is killed. */
async function round(subject: GroupSubject, spec: Case): Promise<Figures> {
  const topic = `rebalance-${randomUUID()}`;
  await prepare(subject, topic, spec.partitions);
  const members = new Members(subject.bootstrapServers);
  try {
    const [home, outside] = await Promise.all([members.host(subject.clients), members.host(subject.clients)]);
    await warmUp(members, outside, topic, spec);
    const group = new Group(members, topic, spec);
    for (let number = 1; number < spec.members; number++) group.start(home, `member-${number}`);
    await group.settled(spec.members - 1);
    const join = await group.watch(() => group.start(outside, "last"), spec.members);
    const leave = await group.watch(() => outside.stop("last"), spec.members - 1);
    const figures = {
      joinMs: join.totalMs,
      joinHeardMs: join.heardMs,
      joinStill: join.stoodStill,
      leaveMs: leave.totalMs,
      leaveHeardMs: leave.heardMs,
      leaveStill: leave.stoodStill,
    };
    if (!spec.isQuick) return figures;
    await group.watch(() => group.start(outside, "last"), spec.members);
    const death = await group.watch(() => outside.kill(), spec.members - 1);
    return { ...figures, deathMs: death.totalMs };
  } finally {
    await members.close();
  }
}

/** A consumer has come and gone in this process before: loading and compiling code is not the group's time. */
async function warmUp(members: Members, host: MemberHost, topic: string, spec: Case): Promise<void> {
  host.start("warm-up", topic, settings(spec, `${topic}-warm-up`));
  await members.until(() => members.state("warm-up").flowing.size === spec.partitions, "the warm-up reads", 240_000);
  await host.stop("warm-up");
}

function report(spec: Case, ours: Record<string, number[]>, kafka: Record<string, number[]>): Row[] {
  const { members, partitions, protocol, isQuick } = spec;
  const name = `${members} x ${partitions}, ${protocol}${isQuick ? "" : ", everybody's defaults"}`;
  const target = isQuick ? ({ of: "ratio", most: 1 } as const) : undefined;
  const second = isQuick && partitions === 900 ? ({ of: "value", most: 1000 } as const) : target;
  const rows: Row[] = [];
  for (const what of ["join", "leave"]) {
    const [total, peer] = [ours[`${what}Ms`] ?? [], kafka[`${what}Ms`] ?? []];
    rows.push(row(`${name}: ${what}, all flowing`, "ms", total, peer, target));
    if (second !== target) rows.push(row(`${name}: ${what}, all flowing, our own`, "ms", total, null, second));
    rows.push(
      row("  of this until the last has heard", "ms", ours[`${what}HeardMs`] ?? [], kafka[`${what}HeardMs`] ?? []),
    );
    const still = [ours[`${what}Still`] ?? [], kafka[`${what}Still`] ?? []] as const;
    rows.push(row("  records that stood still, at 1/s per partition", "records", ...still));
  }
  const { deathMs } = ours;
  if (deathMs === undefined) return rows;
  rows.push(row(`${name}: killed, all flowing`, "ms", deathMs, kafka.deathMs ?? [], target));
  const rest = (values: readonly number[] = []) => values.map((ms) => ms - sessionTimeoutMs);
  rows.push(
    row("  of this beyond the session time-out", "ms", rest(deathMs), null, second === target ? undefined : second),
  );
  return rows;
}

/** Every size and protocol; `isQuick`: initial delay 0, heartbeats of 200 ms on both sides (the brokers are started so). */
export async function rebalances(subjects: GroupSubjects, rounds: number, isQuick: boolean): Promise<Row[]> {
  const rows: Row[] = [];
  const sizes = isQuick
    ? [
        [3, 6],
        [10, 900],
        [50, 1000],
      ]
    : [[10, 900]];
  for (const [members = 0, partitions = 0] of sizes) {
    for (const protocol of Object.keys(protocols) as Protocol[]) {
      const spec = { members, partitions, protocol, isQuick };
      const { ours, kafka } = await takeTurns(subjects, rounds, (subject) => round(subject, spec), 0);
      rows.push(...report(spec, ours ?? {}, kafka ?? {}));
    }
  }
  return rows;
}
