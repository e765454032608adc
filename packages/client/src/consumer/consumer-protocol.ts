import {
  type ConsumerProtocolAssignment,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  decode,
  encode,
  type Input,
  type Message,
  Reader,
  type Value,
} from "@ottla/protocol";
import type { AssignorMember, MemberAssignment } from "./assignors/assignor.ts";
import { compareText } from "./assignors/assignor.ts";
import type { PartitionsByTopic } from "./topic-partition.ts";

/** The protocol type of groups of consumers. */
export const consumerProtocolType = "consumer";

/** The newest version of subscription and assignment; a member that sends a newer one is read as this one. */
const newestVersion = 3;

/** What a member tells the leader when it joins. */
export interface MemberSubscription {
  readonly topics: readonly string[];
  readonly userData: Buffer | null;
  readonly ownedPartitions: PartitionsByTopic;
  readonly generationId: number;
  readonly rackId: string | null;
}

/** The subscription as it goes into JoinGroup, byte for byte as the Java client's (topics and partitions sorted). */
export function encodeSubscription(subscription: MemberSubscription): Buffer {
  return encodeVersioned(consumerProtocolSubscription, {
    topics: [...subscription.topics].sort(compareText),
    userData: subscription.userData,
    ownedPartitions: toWire(subscription.ownedPartitions),
    generationId: subscription.generationId,
    rackId: subscription.rackId,
  });
}

/** Reads what a member sent; throws a `DecodeError` where it is none of Kafka's subscriptions. */
export function decodeSubscription(
  memberId: string,
  groupInstanceId: string | null,
  bytes: Uint8Array,
): AssignorMember {
  const value = decodeVersioned(consumerProtocolSubscription, bytes);
  return {
    memberId,
    groupInstanceId,
    topics: value.topics,
    userData: value.userData,
    ownedPartitions: fromWire(value.ownedPartitions),
    generationId: value.generationId,
    rackId: value.rackId,
  };
}

/** An assignment as it goes into SyncGroup. */
export function encodeAssignment(assignment: MemberAssignment): Buffer {
  return encodeVersioned(consumerProtocolAssignment, {
    assignedPartitions: toWire(assignment.partitions),
    userData: assignment.userData ?? null,
  });
}

/** Reads what the leader assigned; throws a `DecodeError` where it is none of Kafka's assignments. */
export function decodeAssignment(bytes: Uint8Array): { partitions: PartitionsByTopic; userData: Buffer | null } {
  const value = decodeVersioned(consumerProtocolAssignment, bytes);
  return { partitions: fromWire(value.assignedPartitions), userData: value.userData };
}

type WirePartitions = ConsumerProtocolAssignment["assignedPartitions"];

function toWire(partitions: PartitionsByTopic): WirePartitions {
  return [...partitions]
    .sort(([a], [b]) => compareText(a, b))
    .map(([topic, list]) => ({ topic, partitions: [...list].sort((a, b) => a - b) }));
}

function fromWire(topics: WirePartitions): Map<string, number[]> {
  const partitions = new Map<string, number[]>();
  for (const { topic, partitions: list } of topics) {
    const known = partitions.get(topic);
    if (known === undefined) partitions.set(topic, [...list]);
    else known.push(...list);
  }
  return partitions;
}

function encodeVersioned<M extends Message>(message: M, value: Input<M>): Buffer {
  const version = Buffer.alloc(2);
  version.writeInt16BE(newestVersion);
  return Buffer.concat([version, encode(message, newestVersion, value)]);
}

/** Whatever a later version has behind what this one knows is left alone. */
function decodeVersioned<M extends Message>(message: M, bytes: Uint8Array): Value<M> {
  const reader = new Reader(bytes);
  const version = reader.int16();
  if (version < 0) reader.fail(`version ${version}`);
  return decode(message, Math.min(version, newestVersion), reader);
}
