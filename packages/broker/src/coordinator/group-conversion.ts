import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  DecodeError,
  decodeFromMember,
  encodeStored,
} from "@ottla/protocol";
import type { TopicAssignment } from "./assignors/assignor.ts";
import { type ClassicGroup, classicGroupRecord, ownedBytes } from "./classic-group.ts";
import type { ClassicMember } from "./classic-member.ts";
import type { ConsumerGroup } from "./consumer-group.ts";
import { groupNotFound, type Refusal } from "./consumer-group-events.ts";
import { memberStates, type StoredConsumerMember, type StoredCurrentAssignment } from "./consumer-group-records.ts";
import type { ConsumerMember } from "./consumer-member.ts";
import { sortedNames } from "./consumer-record-codec.ts";
import type { GroupCoordinatorConfig } from "./group-config.ts";
import { noBytes, type TopicIdPartitions } from "./group-events.ts";
import type { GroupProtocol } from "./group-protocol.ts";
import type { GroupRecord, StoredMember } from "./group-records.ts";
import {
  type EpochedPartitions,
  mergeEpoched,
  nothingOwned,
  type OwnedPartitions,
  ownedOf,
  toEpoched,
} from "./owned-partitions.ts";
import { ProtocolVotes } from "./protocol-votes.ts";
import type { TopicImage } from "./topic-image.ts";

/** What a consumer of the classic protocol says in its metadata. */
export interface ClassicSubscription {
  /** Sorted, each once. */
  readonly topics: readonly string[];
  readonly rackId: string | null;
  /** What it owns, of topics that exist. */
  readonly owned: readonly TopicIdPartitions[];
  readonly version: number;
}

/** Null where it cannot be read. */
export function readSubscription(metadata: Uint8Array, topics: TopicImage): ClassicSubscription | null {
  try {
    const read = decodeFromMember(consumerProtocolSubscription, metadata);
    const owned = read.ownedPartitions.flatMap(({ topic, partitions }) => {
      const topicId = topics.topicByName(topic)?.id;
      return topicId === undefined ? [] : [{ topicId, partitions }];
    });
    const rackId = read.rackId === "" ? null : read.rackId;
    return { topics: sortedNames(read.topics), rackId, owned, version: read.version };
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

/** What a member owns, in the form that SyncGroup has for it. */
export function writeAssignment(owned: OwnedPartitions, metadata: Uint8Array, topics: TopicImage): Buffer {
  const said = readSubscription(metadata, topics)?.version ?? 0;
  const version = Math.min(Math.max(said, 0), consumerProtocolAssignment.maxVersion);
  const assignedPartitions = [...owned].flatMap(([topicId, { partitions }]) => {
    const topic = topics.topicById(topicId)?.name;
    return topic === undefined ? [] : [{ topic, partitions: [...partitions] }];
  });
  return encodeStored(version, consumerProtocolAssignment, { assignedPartitions, userData: null });
}

/** Whether a classic group may become one of the consumer protocol while it has members (Kafka's `validateOnlineUpgrade`). */
export function checkUpgrade(group: ClassicGroup, config: GroupCoordinatorConfig): Refusal | null {
  const policy = config.groupConsumerMigrationPolicy;
  if (policy !== "upgrade" && policy !== "bidirectional") return cannotUpgrade(group, "online upgrade is disabled");
  if (!group.usesConsumerProtocol) {
    return cannotUpgrade(group, "the group does not use the consumer embedded protocol");
  }
  if (group.memberCount > config.groupConsumerMaxSize) {
    return cannotUpgrade(group, "the group size exceeds the consumer group maximum size");
  }
  return null;
}

function cannotUpgrade(group: ClassicGroup, why: string): Refusal {
  return groupNotFound(`Cannot upgrade classic group ${group.id} to consumer group because ${why}.`);
}

/**
 * Fills a group of the consumer protocol with a classic one's members and what they own (Kafka's `ConsumerGroup.fromClassicGroup`). The records do the same. In the middle of a round a cooperative member owns
 * what it said when it joined, besides what it was assigned: Kafka forgets that, and gives it to others at once.
 */
export function upgrade(from: ClassicGroup, to: ConsumerGroup, topics: TopicImage): GroupRecord[] | Refusal {
  const groupId = from.id;
  const epoch = from.generationId;
  const members: { memberId: string; metadata: StoredConsumerMember; current: StoredCurrentAssignment }[] = [];
  const claims = undisputedClaims(from, epoch, topics);
  for (const member of from.members.values()) {
    const protocol = metadataOf(from, member);
    const subscription = readSubscription(protocol, topics);
    const assigned = readAssignment(member, epoch, topics);
    if (subscription === null || assigned === "malformed") {
      return cannotUpgrade(from, "the embedded consumer protocol is malformed");
    }
    if (assigned === "custom") {
      return cannotUpgrade(
        from,
        "an unsupported custom assignor is in use. Please refer to the documentation or switch to a default assignor before re-attempting the upgrade",
      );
    }
    members.push({
      memberId: member.memberId,
      metadata: upgradedMember(member, subscription),
      current: {
        memberEpoch: epoch,
        previousMemberEpoch: epoch,
        state: memberStates.stable,
        assigned: withClaims(assigned, claims.get(member.memberId) ?? [], epoch),
        pendingRevocation: nothingOwned,
      },
    });
  }
  const records: GroupRecord[] = [classicGroupRecord(groupId, null)];
  const add = (record: Parameters<ConsumerGroup["apply"]>[0]): void => {
    records.push(record);
    to.apply(record);
  };
  for (const { memberId, metadata } of members) add({ kind: "consumerMember", groupId, memberId, value: metadata });
  add({ kind: "consumerGroup", groupId, value: { epoch, metadataHash: to.subscriptions.metadataHash(topics) } });
  for (const { memberId, current } of members) {
    add({ kind: "consumerTargetMember", groupId, memberId, value: withoutEpochs(current.assigned) });
  }
  add({ kind: "consumerTarget", groupId, value: { assignmentEpoch: epoch, assignmentTimestamp: 0 } });
  for (const { memberId, current } of members) {
    add({ kind: "consumerCurrentAssignment", groupId, memberId, value: current });
  }
  return records;
}

/** What members said that they own, and nobody was assigned or says, too. */
function undisputedClaims(group: ClassicGroup, epoch: number, topics: TopicImage): Map<string, TopicIdPartitions[]> {
  const holders = new Map<string, string | null>();
  const said: { memberId: string; owned: readonly TopicIdPartitions[] }[] = [];
  for (const member of group.members.values()) {
    const assigned = readAssignment(member, epoch, topics);
    if (typeof assigned === "string") continue;
    for (const [topicId, { partitions }] of assigned) {
      for (const partition of partitions) holders.set(`${topicId}-${partition}`, null);
    }
    said.push({
      memberId: member.memberId,
      owned: readSubscription(metadataOf(group, member), topics)?.owned ?? [],
    });
  }
  for (const { memberId, owned } of said) {
    for (const { topicId, partitions } of owned) {
      for (const partition of new Set(partitions)) {
        const key = `${topicId}-${partition}`;
        holders.set(key, holders.has(key) ? null : memberId);
      }
    }
  }
  return new Map(
    said.map(({ memberId, owned }) => [
      memberId,
      owned.map(({ topicId, partitions }) => {
        const count = topics.topicById(topicId)?.partitionCount ?? 0;
        const isMine = (one: number) => one >= 0 && one < count && holders.get(`${topicId}-${one}`) === memberId;
        return { topicId, partitions: partitions.filter(isMine) };
      }),
    ]),
  );
}

function withClaims(assigned: OwnedPartitions, claims: readonly TopicIdPartitions[], epoch: number): OwnedPartitions {
  const all = new Map(assigned);
  for (const { topicId, partitions } of claims) {
    if (partitions.length === 0) continue;
    all.set(topicId, mergeEpoched(ownedOf(all, topicId), toEpoched(partitions, null, epoch)));
  }
  return all;
}

function upgradedMember(member: ClassicMember, subscription: ClassicSubscription): StoredConsumerMember {
  return {
    instanceId: member.groupInstanceId,
    rackId: subscription.rackId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: subscription.topics,
    subscribedTopicRegex: "",
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    serverAssignor: null,
    classicMemberMetadata: { sessionTimeoutMs: member.sessionTimeoutMs, supportedProtocols: member.protocols },
  };
}

/** What the member said for the group's protocol; while a group's first round is on there is none yet, and all of a consumer's protocols say the same. */
function metadataOf(group: ClassicGroup, member: ClassicMember): Uint8Array {
  const chosen = group.protocolName === null ? undefined : member.metadata(group.protocolName);
  return chosen ?? member.protocols[0]?.metadata ?? noBytes;
}

function readAssignment(
  member: ClassicMember,
  epoch: number,
  topics: TopicImage,
): OwnedPartitions | "malformed" | "custom" {
  // Who has just joined owns nothing yet.
  if (member.assignment.length === 0) return nothingOwned;
  try {
    const { assignedPartitions, userData } = decodeFromMember(consumerProtocolAssignment, member.assignment);
    if (userData !== null && userData.length > 0) return "custom";
    const owned = new Map<string, EpochedPartitions>();
    for (const { topic, partitions } of assignedPartitions) {
      const known = topics.topicByName(topic);
      // A leader may have written anything; what is not there nobody owns.
      const existing = partitions.filter((one) => one >= 0 && one < (known?.partitionCount ?? 0));
      if (known !== undefined && existing.length > 0) owned.set(known.id, toEpoched(existing, null, epoch));
    }
    return owned;
  } catch (error) {
    if (error instanceof DecodeError) return "malformed";
    throw error;
  }
}

function withoutEpochs(owned: OwnedPartitions): TopicAssignment {
  return new Map(Array.from(owned, ([topicId, { partitions }]) => [topicId, partitions]));
}

/** A member that takes the place of a static one in the moment in which its group becomes a classic one. */
export interface JoiningMember {
  readonly memberId: string;
  readonly metadata: StoredConsumerMember;
  readonly current: StoredCurrentAssignment;
  readonly replaced: ConsumerMember;
}

/** Whether a group of which these members are gone has members of the classic protocol only, and may become a classic one (Kafka's `validateOnlineDowngradeWithFencedMembers`). */
export function canDowngrade(
  group: ConsumerGroup,
  leaving: readonly ConsumerMember[],
  config: GroupCoordinatorConfig,
): boolean {
  const rest = group.memberCount - leaving.length;
  const classicLeaving = leaving.filter((member) => member.usesClassicProtocol).length;
  return rest > 0 && group.classicMemberCount - classicLeaving === rest && maySize(rest, config);
}

/** Whether the group becomes a classic one when this static member is replaced by one of the classic protocol. */
export function canDowngradeWithout(
  group: ConsumerGroup,
  replaced: ConsumerMember,
  config: GroupCoordinatorConfig,
): boolean {
  const isLast = !replaced.usesClassicProtocol && group.classicMemberCount === group.memberCount - 1;
  return isLast && maySize(group.memberCount, config);
}

function maySize(size: number, config: GroupCoordinatorConfig): boolean {
  const policy = config.groupConsumerMigrationPolicy;
  return (policy === "downgrade" || policy === "bidirectional") && size <= config.groupMaxSize;
}

/** The records that make a classic group of one of the consumer protocol (Kafka's `convertToClassicGroup`): its members all speak the classic protocol. */
export function downgrade(
  group: ConsumerGroup,
  leaving: readonly ConsumerMember[],
  joining: JoiningMember | null,
  topics: TopicImage,
  now: number,
): GroupRecord[] {
  const staying = [...group.members.values()].filter(
    (member) => !leaving.includes(member) && member !== joining?.replaced,
  );
  // By now the joining member is there, and the one that it replaces is not.
  const ids = [...group.members.values()].map(({ memberId }) =>
    memberId === joining?.replaced.memberId ? joining.memberId : memberId,
  );
  const members = joining === null ? staying : [...staying, joining];
  const protocol = selectProtocol(members.map(({ metadata }) => metadata.classicMemberMetadata!.supportedProtocols));
  const stored = members.map(({ memberId, metadata, current }): StoredMember => {
    const classic = metadata.classicMemberMetadata!;
    const subscription = classic.supportedProtocols.find(({ name }) => name === protocol)?.metadata ?? noBytes;
    return {
      memberId,
      groupInstanceId: metadata.instanceId,
      clientId: metadata.clientId,
      clientHost: metadata.clientHost,
      rebalanceTimeout: metadata.rebalanceTimeoutMs,
      sessionTimeout: classic.sessionTimeoutMs,
      subscription,
      assignment: writeAssignment(current.assigned, subscription, topics),
    };
  });
  const value = {
    protocolType: group.protocolType,
    generation: group.groupEpoch,
    protocol,
    leader: stored[0]!.memberId,
    currentStateTimestamp: now,
    members: stored,
  };
  return [...group.tombstones(ids), classicGroupRecord(group.id, value)];
}

function selectProtocol(members: readonly (readonly GroupProtocol[])[]): string {
  return new ProtocolVotes().select(members);
}

/** Protocols that outlive their request. A name that comes twice counts once. */
export function ownedProtocols(protocols: readonly GroupProtocol[]): GroupProtocol[] {
  const names = new Set<string>();
  const once = protocols.filter(({ name }) => !names.has(name) && names.add(name));
  return once.map(({ name, metadata }) => ({ name, metadata: ownedBytes(metadata) }));
}
