import type { GroupAssignment, MemberSpec, ServerAssignor, TopicAssignment } from "./assignors/assignor.ts";
import type { ConsumerGroup } from "./consumer-group.ts";
import type { StoredConsumerMember } from "./consumer-group-records.ts";
import type { ConsumerMember } from "./consumer-member.ts";
import type { GroupRecord } from "./group-records.ts";
import type { GroupSubscriptions } from "./group-subscriptions.ts";
import { equalAssignments, nothingAssigned } from "./owned-partitions.ts";
import type { TopicImage } from "./topic-image.ts";

/** A member as it will be once the records of the event that is being handled are applied. */
export interface ChangedMember {
  readonly memberId: string;
  readonly metadata: StoredConsumerMember;
  /** The static member whose place it takes. */
  readonly replaced: ConsumerMember | null;
}

export interface TargetAssignmentInput {
  readonly group: ConsumerGroup;
  readonly groupEpoch: number;
  /** What the members subscribe to with the change. */
  readonly subscriptions: GroupSubscriptions;
  readonly changed: ChangedMember;
  readonly assignor: ServerAssignor;
  readonly topics: TopicImage;
  /** Wall-clock ms. */
  readonly now: number;
}

/**
 * Lets the assignor divide the topics anew (Kafka's `TargetAssignmentBuilder`): a record for each member whose part is another one now, then that of the assignment's epoch,
 * so that a log that ends in between has members with new targets and the old epoch, and the next heartbeat computes it again.
 */
export function computeTarget(input: TargetAssignmentInput, records: GroupRecord[]): GroupAssignment {
  const { group, subscriptions, topics } = input;
  const members = specs(input);
  const partitionCount = (topicId: string): number => topics.topicById(topicId)?.partitionCount ?? -1;
  const target = input.assignor.assign({ members, isHomogeneous: subscriptions.isHomogeneous }, { partitionCount });
  const groupId = group.id;
  for (const [memberId, { assigned }] of members) {
    const value = target.get(memberId) ?? nothingAssigned;
    // A member that never had a target gets a record even for nothing, as in Kafka.
    if (group.hasTarget(memberId) && equalAssignments(value, assigned)) continue;
    records.push({ kind: "consumerTargetMember", groupId, memberId, value });
  }
  const value = { assignmentEpoch: input.groupEpoch, assignmentTimestamp: input.now };
  records.push({ kind: "consumerTarget", groupId, value });
  return target;
}

function specs({ group, changed, subscriptions, topics }: TargetAssignmentInput): Map<string, MemberSpec> {
  const topicIds = new SubscribedIds(subscriptions, topics);
  const members = new Map<string, MemberSpec>();
  const add = (memberId: string, metadata: StoredConsumerMember, assigned: TopicAssignment): void => {
    const { instanceId, rackId } = metadata;
    members.set(memberId, { instanceId, rackId, topicIds: topicIds.of(metadata), assigned });
  };
  for (const member of group.members.values()) {
    if (member === changed.replaced) continue;
    const metadata = member.memberId === changed.memberId ? changed.metadata : member.metadata;
    add(member.memberId, metadata, group.target(member.memberId));
  }
  if (!members.has(changed.memberId)) {
    add(changed.memberId, changed.metadata, group.target(changed.replaced?.memberId ?? changed.memberId));
  }
  return members;
}

/** The ids of the topics that members subscribe to, one set for all members with the same subscription. */
class SubscribedIds {
  private readonly subscriptions: GroupSubscriptions;
  private readonly topics: TopicImage;
  private readonly known = new Map<readonly string[], Map<string, ReadonlySet<string>>>();

  constructor(subscriptions: GroupSubscriptions, topics: TopicImage) {
    this.subscriptions = subscriptions;
    this.topics = topics;
  }

  of(metadata: StoredConsumerMember): ReadonlySet<string> {
    const { subscribedTopicNames: names } = metadata;
    const regex = metadata.subscribedTopicRegex ?? "";
    let byRegex = this.known.get(names);
    if (byRegex === undefined) {
      byRegex = new Map();
      this.known.set(names, byRegex);
    }
    let ids = byRegex.get(regex);
    if (ids === undefined) {
      ids = this.resolve(names, regex);
      byRegex.set(regex, ids);
    }
    return ids;
  }

  private resolve(names: readonly string[], regex: string): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const list of [names, this.subscriptions.resolved.get(regex)?.topics ?? []]) {
      for (const name of list) {
        const topic = this.topics.topicByName(name);
        if (topic !== undefined) ids.add(topic.id);
      }
    }
    return ids;
  }
}

/** Says whether a member with this metadata subscribes to a topic, by name or by what its regular expression has matched. */
export function subscriptionTest(
  metadata: StoredConsumerMember,
  resolved: GroupSubscriptions["resolved"],
  topics: TopicImage,
): (topicId: string) => boolean {
  const matched = resolved.get(metadata.subscribedTopicRegex ?? "")?.topics ?? [];
  // Asked for each topic of a member, of which there may be thousands.
  let names: Set<string> | null = null;
  return (topicId) => {
    const name = topics.topicById(topicId)?.name;
    names ??= new Set([...metadata.subscribedTopicNames, ...matched]);
    return name !== undefined && names.has(name);
  };
}
