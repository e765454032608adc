import { errorCodes, zeroUuid } from "@ottla/protocol";
import type { ConsumerMember } from "./consumer-member.ts";
import type { CommitIdentity } from "./group.ts";
import { epochOf } from "./owned-partitions.ts";

/** From this version of OffsetCommit on members of consumer groups may commit. */
const firstVersionWithMemberEpochs = 9;

/**
 * Whether a commit to a consumer group is a member's own (Kafka's `ConsumerGroup.validateOffsetCommit`): its epoch is the member's, or an earlier one, and every partition has been the member's since then
 * (KIP-1251). So a commit under way while the member's epoch rises is not lost.
 */
export function checkMemberCommit(members: ReadonlyMap<string, ConsumerMember>, commit: CommitIdentity): number {
  const { memberId, generationOrEpoch: epoch, apiVersion } = commit;
  // The admin client, or a consumer that does not use group management: only while the group is empty.
  if (epoch < 0 && members.size === 0) return 0;
  const member = members.get(memberId);
  if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
  if (!member.usesClassicProtocol && apiVersion < firstVersionWithMemberEpochs) return errorCodes.UNSUPPORTED_VERSION;
  const { memberEpoch, assigned, pendingRevocation } = member.current;
  if (epoch === memberEpoch) return 0;
  const refusal = member.usesClassicProtocol ? errorCodes.ILLEGAL_GENERATION : errorCodes.STALE_MEMBER_EPOCH;
  if (epoch > memberEpoch) return refusal;
  for (const { topicId, partitions } of commit.topics ?? []) {
    if (topicId === zeroUuid) return refusal;
    for (const { partitionIndex } of partitions) {
      const given = Math.max(
        epochOf(assigned, topicId, partitionIndex),
        epochOf(pendingRevocation, topicId, partitionIndex),
      );
      if (given === -1 || epoch < given) return refusal;
    }
  }
  return 0;
}
