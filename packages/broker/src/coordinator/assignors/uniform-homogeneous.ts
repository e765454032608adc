import type { NumberedGroup } from "./numbered-group.ts";

/**
 * All members subscribe to the same topics: each gets the same number of partitions, some one more where it does not come out even: those that have that many already, then the last ones. A
 * member keeps what it has up to that number. Kafka's `UniformHomogeneousAssignmentBuilder`.
 */
export function assignHomogeneous(group: NumberedGroup): void {
  const { members, owners, changed, partitionCount } = group;
  const least = Math.floor(partitionCount / members.length);
  let withOneMore = partitionCount % members.length;
  const revoked: number[] = [];
  const quotas = new Int32Array(members.length);
  for (let member = 0; member < members.length; member++) {
    let mayHaveOneMore = withOneMore > 0;
    let left = keep(group, member, mayHaveOneMore ? least + 1 : least, revoked);
    if (left > 0 && mayHaveOneMore && members.length - member > withOneMore) {
      // There are members behind it that may have it, and perhaps have it already.
      mayHaveOneMore = false;
      left--;
    }
    if (mayHaveOneMore) withOneMore--;
    quotas[member] = left;
  }
  const unassigned = new Int32Array(partitionCount);
  let end = 0;
  for (let partition = 0; partition < partitionCount; partition++) {
    if (owners[partition] === -1) unassigned[end++] = partition;
  }
  for (const partition of revoked) unassigned[end++] = partition;
  let position = 0;
  for (let member = 0; member < members.length && position < end; member++) {
    const stop = Math.min(end, position + quotas[member]!);
    if (position < stop) changed[member] = 1;
    for (; position < stop; position++) owners[unassigned[position]!] = member;
  }
}

/** Marks a partition that its owner has to give up. */
const givenUp = -2;

/** Lets the member keep up to `quota` partitions, puts the rest to `revoked` and answers with what is left of the quota. */
function keep(group: NumberedGroup, member: number, quota: number, revoked: number[]): number {
  const { members, owners, changed, starts } = group;
  let left = quota;
  for (const [topicId, partitions] of members[member]!.assigned) {
    const topic = group.topicNumber(topicId);
    if (topic === undefined) {
      changed[member] = 1;
      continue;
    }
    const first = starts[topic]!;
    const count = starts[topic + 1]! - first;
    for (const index of partitions) {
      const isFree = index < count && owners[first + index] === -1;
      if (isFree && left > 0) {
        owners[first + index] = member;
        left--;
        continue;
      }
      changed[member] = 1;
      if (!isFree) continue;
      owners[first + index] = givenUp;
      revoked.push(first + index);
    }
  }
  return left;
}
