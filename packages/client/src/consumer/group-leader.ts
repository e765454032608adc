import { sleep } from "@ottla/runtime";
import { backoffMs } from "../backoff.ts";
import type { ClientCore } from "../client-core.ts";
import { isRetriableError } from "../errors.ts";
import type {
  Assignor,
  AssignorMember,
  AssignorTopics,
  MemberAssignment,
  RebalanceProtocol,
} from "./assignors/assignor.ts";
import { decodeSubscription, encodeAssignment } from "./consumer-protocol.ts";
import type { EffectOf, MembershipEvent } from "./membership-events.ts";
import { eachPartition } from "./offsets.ts";
import { hasAllAssigned } from "./returned-leader.ts";
import { namePartitions, PartitionMap, type PartitionsByTopic, type TopicPartition } from "./topic-partition.ts";

/** It takes the generations of claims into account itself. */
const trustedAssignor = "cooperative-sticky";

/**
 * What the leader of a group does: assigns the partitions of all topics that members subscribe to, and watches these topics until the next round.
 */
export class GroupLeader {
  readonly #core: ClientCore;
  readonly #assignors: readonly Assignor[];
  readonly #protocol: RebalanceProtocol;
  readonly #signal: AbortSignal;
  /** The topics that were assigned, with what the assignment rests on; null while this member does not lead. */
  #watched: ReadonlyMap<string, string> | null = null;
  /** Goes up with every round that this member leads, or stops to lead. */
  #round = 0;

  constructor(core: ClientCore, assignors: readonly Assignor[], protocol: RebalanceProtocol, signal: AbortSignal) {
    this.#core = core;
    this.#assignors = assignors;
    this.#protocol = protocol;
    this.#signal = signal;
  }

  /** The topics that were assigned last; empty while this member does not lead. */
  get topics(): Iterable<string> {
    return this.#watched?.keys() ?? [];
  }

  /** Assigns, and says so. */
  async assign(effect: EffectOf<"assign">): Promise<MembershipEvent> {
    const { id, protocolName, skipAssignment } = effect;
    const round = ++this.#round;
    try {
      const assignor = this.#assignors.find(({ name }) => name === protocolName);
      if (assignor === undefined)
        throw new Error(`the coordinator chose the assignor ${protocolName}, which this member does not have`);
      const members = effect.members.map((member) =>
        decodeSubscription(member.memberId, member.groupInstanceId, member.metadata),
      );
      const topics = new Set(members.flatMap((member) => member.topics));
      await this.#learn([...topics]);
      if (round !== this.#round) throw new Error("another round has begun");
      this.#core.metadata.track(topics);
      this.#watched = this.#snapshot(topics);
      if (skipAssignment) return { type: "assignmentMade", id, assignments: [] };
      const assignment = assignor.assign(this.#view(), members);
      if (this.#protocol === "cooperative" && protocolName !== trustedAssignor) checkCooperative(members, assignment);
      return { type: "assignmentMade", id, assignments: encode(members, assignment) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { type: "assignmentFailed", id, message: `Could not assign the partitions of the group: ${message}` };
    }
  }

  /** Whether a leader that came back to an assignment of before has to call for another round, since the topics have changed meanwhile. */
  async hasMissedChange(groupId: string, protocolName: string): Promise<boolean> {
    const watched = this.#watched;
    if (watched === null) return false;
    const view = this.#view();
    const topics = new Map([...watched.keys()].map((topic) => [topic, view.partitionCount(topic)]));
    const hasAll = await hasAllAssigned(this.#core, { groupId, protocolName, topics }, this.#signal);
    return !hasAll && this.#watched === watched;
  }

  /** A new round: somebody else may lead it. */
  stop(): void {
    this.#round++;
    this.#watched = null;
  }

  /** Whether the topics that were assigned are no longer what they were. */
  hasOutdated(): boolean {
    if (this.#watched === null) return false;
    const now = this.#snapshot(this.#watched.keys());
    for (const [topic, facts] of this.#watched) if (now.get(topic) !== facts) return true;
    return false;
  }

  /** Fresh metadata, however long that takes: heartbeats go on meanwhile. */
  async #learn(topics: readonly string[]): Promise<void> {
    const { runtime, config, metadata } = this.#core;
    for (let failures = 1; topics.length > 0; failures++) {
      try {
        await metadata.refresh(topics, this.#signal);
        return;
      } catch (error) {
        if (!isRetriableError(error)) throw error;
        const pauseMs = backoffMs(config.retryBackoffMs, config.retryBackoffMaxMs, failures, runtime.random);
        await sleep(runtime.clock, pauseMs, this.#signal);
      }
    }
  }

  #view(): AssignorTopics {
    const { metadata } = this.#core;
    const racks = new Map(metadata.brokers.map(({ nodeId, rack }) => [nodeId, rack]));
    return {
      partitionCount: (topic) => metadata.topic(topic)?.partitions.length ?? 0,
      replicaRacks: (topic, partition) => {
        const replicas = metadata.topic(topic)?.partitions[partition]?.replicas ?? [];
        return replicas.map((nodeId) => racks.get(nodeId)).filter((rack) => typeof rack === "string");
      },
    };
  }

  /** What an assignment rests on, per topic: how many partitions there are, and in which racks. */
  #snapshot(topics: Iterable<string>): Map<string, string> {
    const view = this.#view();
    const snapshot = new Map<string, string>();
    for (const topic of topics) {
      const count = view.partitionCount(topic);
      const racks: string[] = [];
      for (let n = 0; n < count; n++) racks.push(view.replicaRacks(topic, n).toSorted().join(","));
      snapshot.set(topic, `${count}:${racks.some((list) => list !== "") ? racks.join(";") : ""}`);
    }
    return snapshot;
  }
}

/** What a member owns must not go to another one at once: first it has to be taken from its owner, in a round of its own. Kafka's validateCooperativeAssignment. */
function checkCooperative(members: readonly AssignorMember[], assignment: ReadonlyMap<string, MemberAssignment>): void {
  const taken = new PartitionMap<true>();
  const given: TopicPartition[] = [];
  for (const { memberId, ownedPartitions } of members) {
    const owned = partitionSet(ownedPartitions);
    const assigned = partitionSet(assignment.get(memberId)?.partitions ?? new Map());
    for (const place of owned.values())
      if (!assigned.has(place.topic, place.partition)) taken.set(place.topic, place.partition, true);
    for (const place of assigned.values()) if (!owned.has(place.topic, place.partition)) given.push(place);
  }
  const passedOn = given.filter(({ topic, partition }) => taken.has(topic, partition));
  if (passedOn.length === 0) return;
  throw new Error(
    `a cooperative assignor must not give ${namePartitions(passedOn)} to another member while the owner still has it: ` +
      "leave it out until the owner, which then joins again, no longer owns it",
  );
}

function partitionSet(partitions: PartitionsByTopic): PartitionMap<TopicPartition> {
  const set = new PartitionMap<TopicPartition>();
  for (const place of eachPartition(partitions)) set.set(place.topic, place.partition, place);
  return set;
}

/** Every member gets an answer, be it that it gets nothing. */
function encode(members: readonly AssignorMember[], assignment: ReadonlyMap<string, MemberAssignment>) {
  return members.map(({ memberId }) => ({
    memberId,
    assignment: encodeAssignment(assignment.get(memberId) ?? { partitions: new Map() }),
  }));
}
