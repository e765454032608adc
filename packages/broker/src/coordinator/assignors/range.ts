import type { GroupSpec, MemberSpec, ServerAssignor, SubscribedTopics, TopicAssignment } from "./assignor.ts";
import { compareText } from "./numbered-group.ts";

/**
 * Cuts each topic's partitions into consecutive ranges, one per subscriber; the first members get one more where it does not come out even. Static members come first, by instance id, then the
 * others by member id, so that equal partition numbers of topics with equally many partitions meet in one member. Kafka's `RangeAssignor`.
 */
export const range: ServerAssignor = {
  name: "range",
  assign(group, topics) {
    const cuts = cutsOf(group, topics);
    const assignment = new Map<string, TopicAssignment>();
    for (const [memberId, member] of [...group.members].sort(compareMembers)) {
      const part = new Map<string, number[]>();
      for (const topicId of member.topicIds) {
        const range = cuts.get(topicId)!.next();
        if (range.length > 0) part.set(topicId, range);
      }
      assignment.set(memberId, isSame(part, member.assigned) ? member.assigned : part);
    }
    return assignment;
  },
};

function compareMembers([a, { instanceId: m }]: [string, MemberSpec], [b, { instanceId: n }]: [string, MemberSpec]) {
  if (m !== null && n !== null) return compareText(m, n);
  if (m !== null) return -1;
  return n !== null ? 1 : compareText(a, b);
}

function cutsOf({ members, isHomogeneous }: GroupSpec, topics: SubscribedTopics): Map<string, RangeCutter> {
  const subscribers = new Map<string, number>();
  for (const { topicIds } of members.values()) {
    for (const topicId of topicIds)
      subscribers.set(topicId, isHomogeneous ? members.size : (subscribers.get(topicId) ?? 0) + 1);
    if (isHomogeneous) break;
  }
  const cuts = new Map<string, RangeCutter>();
  for (const [topicId, count] of subscribers) cuts.set(topicId, new RangeCutter(topics.partitionCount(topicId), count));
  return cuts;
}

/** Cuts one topic. */
class RangeCutter {
  readonly #quota: number;
  #withOneMore: number;
  #start = 0;

  constructor(partitionCount: number, memberCount: number) {
    this.#quota = Math.floor(Math.max(0, partitionCount) / memberCount);
    this.#withOneMore = Math.max(0, partitionCount) % memberCount;
  }

  next(): number[] {
    const length = this.#withOneMore-- > 0 ? this.#quota + 1 : this.#quota;
    const range: number[] = [];
    for (let n = 0; n < length; n++) range.push(this.#start++);
    return range;
  }
}

/** Whether a member keeps what it has; its lists are sorted, so that the ends of a range tell. */
function isSame(ranges: TopicAssignment, assigned: TopicAssignment): boolean {
  if (ranges.size !== assigned.size) return false;
  for (const [topicId, range] of ranges) {
    const list = assigned.get(topicId);
    if (list?.length !== range.length || list[0] !== range[0] || list.at(-1) !== range.at(-1)) return false;
  }
  return true;
}
