import { apis, errorCodes, type LeaveGroupRequest } from "@ottla/protocol";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.leaveGroup>;

/** From this version on several members may leave at once (KIP-345). */
const firstVersionWithMembers = 3;

/** LeaveGroup 0-5. Up to version 2 the one member's error is the answer's. */
export const leaveGroup = handler(apis.leaveGroup, [0, 5], async (request, context): Promise<Body> => {
  if (!context.authorize("read", "group", request.groupId)) return { errorCode: errorCodes.GROUP_AUTHORIZATION_FAILED };
  const isBatch = context.apiVersion >= firstVersionWithMembers;
  const leaving = isBatch ? request.members : [oneMember(request)];
  const { errorCode, members } = await context.groups.leaveGroup(request.groupId, leaving);
  if (isBatch) return { errorCode, members };
  return { errorCode: errorCode === 0 ? (members[0]?.errorCode ?? 0) : errorCode };
});

function oneMember({ memberId }: LeaveGroupRequest): LeaveGroupRequest["members"][number] {
  return { memberId, groupInstanceId: null, reason: null };
}
