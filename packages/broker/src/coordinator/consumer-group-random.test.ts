import { errorCodes } from "@ottla/protocol";
import { type Random, simRandom } from "@ottla/runtime";
import { describe, expect, test } from "vitest";
import { ClassicConsumer } from "../../test/coordinator/classic-consumer.ts";
import { type BeatOptions, ConsumerRig, TestConsumer } from "../../test/coordinator/consumer-rig.ts";
import { ConsumerGroup } from "./consumer-group.ts";
import type { ConsumerMember } from "./consumer-member.ts";

const topicNames = ["orders", "payments", "returns", "audit"];
const sessionTimeoutMs = 45_000;

/** Members of one group that come, go, die, change their minds and lose answers, on a coordinator that dies now and then. */
class RandomGroup {
  rig = new ConsumerRig({}, { consumerAssignmentIntervalMs: 500 });
  readonly random: Random;
  private alive: TestConsumer[] = [];
  /** Members that speak the classic protocol. */
  private classic: ClassicConsumer[] = [];
  private readonly hasClassic: boolean;
  private away: TestConsumer[] = [];
  private nextId = 1;

  constructor(seed: number, hasClassic: boolean) {
    this.random = simRandom(seed);
    this.hasClassic = hasClassic;
    for (const name of topicNames.slice(0, 2)) this.rig.topic(name, 1 + this.below(6));
  }

  private below(count: number): number {
    return this.random.integer(Math.max(1, count));
  }

  private pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }

  step(): void {
    const dice = this.below(100);
    if (dice < 12) this.join();
    else if (dice < 16) this.leave();
    else if (dice < 19) this.die();
    else if (dice < 22) this.leaveForAWhile();
    else if (dice < 27) this.comeBack();
    else if (dice < 33) this.resubscribe();
    else if (dice < 37) this.changeTopics();
    else if (dice < 39) this.restart();
    else if (dice < 42) this.changeClassic();
    else if (dice < 52) this.rig.advance(this.below(3_000));
    else this.beatSome();
    this.checkOwners();
  }

  private subscription(): BeatOptions {
    if (this.below(4) === 0) return { subscribedTopicRegex: this.pick(["orders|pay.*", ".*t.*", "nothing"])! };
    const names = topicNames.filter(() => this.below(2) === 0);
    return { subscribedTopicNames: names, ...(this.below(5) === 0 ? { serverAssignor: "range" } : {}) };
  }

  private join(): void {
    if (this.alive.length >= 6) return;
    const isStatic = this.below(3) === 0;
    const id = this.nextId++;
    const rebalanceTimeoutMs = 5_000 + this.below(60_000);
    const options = { ...this.subscription(), rebalanceTimeoutMs, ...(isStatic ? { instanceId: `static-${id}` } : {}) };
    this.add(new TestConsumer(`member-${id}`, options));
  }

  private add(member: TestConsumer): void {
    this.alive.push(member);
    this.beat(member);
  }

  private without(member: TestConsumer | undefined): TestConsumer | undefined {
    this.alive = this.alive.filter((one) => one !== member);
    return member;
  }

  private leave(): void {
    const member = this.without(this.pick(this.alive));
    if (member === undefined || member.epoch === 0) return;
    this.rig.beat({ memberId: member.memberId, memberEpoch: -1, instanceId: member.options.instanceId ?? null });
  }

  private die(): void {
    this.without(this.pick(this.alive));
  }

  private leaveForAWhile(): void {
    const member = this.without(this.pick(this.alive.filter((one) => one.options.instanceId != null)));
    if (member === undefined) return;
    this.rig.beat({ memberId: member.memberId, memberEpoch: -2, instanceId: member.options.instanceId! });
    this.away.push(member);
  }

  private comeBack(): void {
    const member = this.pick(this.away);
    if (member === undefined) return;
    this.away = this.away.filter((one) => one !== member);
    this.add(new TestConsumer(`member-${this.nextId++}`, member.options));
  }

  private resubscribe(): void {
    const member = this.pick(this.alive);
    if (member === undefined || member.epoch === 0) return;
    const subscription = { subscribedTopicNames: [], subscribedTopicRegex: "", ...this.subscription() };
    Object.assign(member.options, subscription);
    this.beat(member, subscription);
  }

  private changeTopics(): void {
    const name = this.pick(topicNames)!;
    const topic = this.rig.topics.topicByName(name);
    if (topic === undefined) {
      this.rig.topic(name, 1 + this.below(4), `${name}-${this.nextId++}AAAAAAAAAAAAAAAAAA`.slice(0, 22));
    } else if (this.below(3) === 0) {
      this.rig.deleteTopic(name);
      // They know topics by name, and another one may get this one's.
      for (const member of this.classic) member.owned.delete(name);
    } else this.rig.topic(name, topic.partitionCount + 1 + this.below(3), topic.id);
  }

  /** The broker dies, and another one replays what it has written. */
  private restart(): void {
    this.rig = this.below(2) === 0 ? this.rig.replayed() : this.rig.compacted();
    this.rig.feed({ type: "loaded" });
    for (const member of this.classic) member.disconnected();
  }

  /** A member of the classic protocol comes or dies. */
  private changeClassic(): void {
    if (!this.hasClassic) return;
    const isStatic = this.below(3) === 0;
    const options = isStatic ? { instanceId: `static-${this.nextId++}` } : {};
    if (this.below(2) === 0) this.classic = this.classic.slice(1);
    else if (this.classic.length < 4) {
      this.classic.push(
        new ClassicConsumer(
          topicNames.filter(() => this.below(2) === 0),
          options,
        ),
      );
    }
  }

  private beatSome(): void {
    for (const member of this.classic) if (this.below(3) > 0) member.step(this.rig);
    for (const member of [...this.alive]) if (this.below(3) > 0) this.beat(member);
  }

  private beat(member: TestConsumer, extra: BeatOptions = {}): void {
    const { errorCode } = member.beat(this.rig, extra, this.below(8) === 0);
    if (errorCode === errorCodes.UNKNOWN_MEMBER_ID || errorCode === errorCodes.FENCED_MEMBER_EPOCH) member.fenced();
    else if (errorCode === errorCodes.GROUP_ID_NOT_FOUND) member.fenced();
    else if (errorCode === errorCodes.FENCED_INSTANCE_ID) this.without(member);
    else if (errorCode !== 0) expect(errorCode).toBe(errorCodes.UNRELEASED_INSTANCE_ID);
  }

  private get group(): ConsumerGroup | undefined {
    const group = this.rig.machine.group("group");
    return group instanceof ConsumerGroup ? group : undefined;
  }

  /** No partition has two owners: in the coordinator's eyes, and among the members that are there. */
  checkOwners(): void {
    const owners = new Map<string, string>();
    for (const { memberId, current } of this.group?.members.values() ?? []) {
      for (const owned of [current.assigned, current.pendingRevocation]) {
        for (const [topicId, { partitions }] of owned) {
          for (const partition of partitions) {
            expect(owners.get(`${topicId}:${partition}`)).toBeUndefined();
            owners.set(`${topicId}:${partition}`, memberId);
            expect(this.group!.owners.epoch(topicId, partition)).toBe(current.memberEpoch);
          }
        }
      }
    }
    const clients = new Map<string, string>();
    for (const client of [...this.alive, ...this.classic]) {
      // Who was sent away and does not know it yet may think that it owns what others have by now.
      if (this.group?.members.has(client.memberId) !== true) continue;
      for (const [topicId, partitions] of this.ownedBy(client)) {
        for (const partition of partitions) {
          expect(clients.get(`${topicId}:${partition}`)).toBeUndefined();
          clients.set(`${topicId}:${partition}`, client.memberId);
        }
      }
    }
  }

  /** What a member thinks that it owns, by topic id. */
  private ownedBy(client: TestConsumer | ClassicConsumer): [string, readonly number[]][] {
    const idOf = (topic: string) =>
      client instanceof TestConsumer ? topic : (this.rig.topics.topicByName(topic)?.id ?? topic);
    return Array.from(client.owned, ([topic, partitions]): [string, readonly number[]] => [
      idOf(topic),
      partitions,
    ]).sort();
  }

  /** A replay finds what there is, and so does one of a log that has been compacted, but for the order of the members. */
  checkReplay(): void {
    expect(snapshot(this.rig.replayed())).toEqual(snapshot(this.rig));
    expect(snapshot(this.rig.compacted(), byId)).toEqual(snapshot(this.rig, byId));
  }

  /** Nothing happens any more but heartbeats: everybody gets where the target is, and everything that is wanted is assigned. */
  converge(): void {
    for (let n = 0; n < 80; n++) {
      this.rig.advance(sessionTimeoutMs / 20);
      for (const member of [...this.alive]) this.beat(member);
      for (const member of this.classic) for (let step = 0; step < 3; step++) member.step(this.rig);
      this.checkOwners();
    }
    const { group } = this;
    const there = [...this.alive, ...this.classic];
    if (there.length === 0) return;
    // Whoever is left decides what kind of group it is.
    expect(this.rig.machine.group("group")).toMatchObject({
      type: this.alive.length > 0 ? "Consumer" : "Classic",
      state: "Stable",
      memberCount: there.length,
    });
    if (group === undefined) return;
    expect([...group.members.keys()].sort()).toEqual(there.map((one) => one.memberId).sort());
    const assigned = new Set<string>();
    for (const member of group.members.values()) {
      const owned = [...member.current.assigned].map(([id, { partitions }]) => [id, partitions]);
      expect(owned.sort()).toEqual([...group.target(member.memberId)].sort());
      const client = there.find((one) => one.memberId === member.memberId)!;
      expect(this.ownedBy(client)).toEqual(owned.sort());
      for (const [id, { partitions }] of member.current.assigned)
        for (const one of partitions) assigned.add(`${id}:${one}`);
    }
    const wanted = new Set<string>();
    for (const name of group.subscriptions.names()) {
      const topic = this.rig.topics.topicByName(name);
      for (let n = 0; n < (topic?.partitionCount ?? 0); n++) wanted.add(`${topic!.id}:${n}`);
    }
    expect([...assigned].sort()).toEqual([...wanted].sort());
  }
}

function byId(one: ConsumerMember, other: ConsumerMember): number {
  return one.memberId < other.memberId ? -1 : 1;
}

/** The stored state of a group. */
function snapshot(rig: ConsumerRig, order: (one: ConsumerMember, other: ConsumerMember) => number = () => 0): unknown {
  const group = rig.machine.group("group");
  if (!(group instanceof ConsumerGroup)) return null;
  const { groupEpoch, assignmentEpoch, metadataHash, assignmentTimestamp, state, subscriptions } = group;
  return {
    about: { groupEpoch, assignmentEpoch, metadataHash, assignmentTimestamp, state },
    subscriptions: [[...subscriptions.names()].sort(), [...subscriptions.resolved].sort(), subscriptions.isHomogeneous],
    assignor: group.preferredAssignor(),
    members: [...group.members.values()].sort(order).map(({ memberId, metadata, current }) => ({
      memberId,
      metadata,
      current,
      target: group.target(memberId),
    })),
  };
}

describe("a group of the consumer protocol whose members do whatever they like", () => {
  test.each(Array.from({ length: 30 }, (_, n) => n + 1))("seed %i", (seed) => {
    const group = new RandomGroup(seed, seed % 2 === 0);
    for (let n = 0; n < 200; n++) {
      group.step();
      if (n % 40 === 0) group.checkReplay();
    }
    group.checkReplay();
    group.converge();
    group.checkReplay();
  });
});
