import { apis, errorCodes } from "@ottla/protocol";
import { type JoinReply, joinError } from "../coordinator/group-events.ts";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.joinGroup>;

/** The first version whose answer may have no protocol. */
const firstVersionWithoutProtocol = 7;

/**
 * JoinGroup 0-9. Answered once the members of the next generation are known; a new member of version 4 or later is given its id first (KIP-394).
 * Version 0 has the session time-out for the rebalance too; from version 9 on a leader may be told not to assign (KIP-814).
 */
export const joinGroup = handler(apis.joinGroup, [0, 9], async (request, context): Promise<Body> => {
  const { apiVersion, clientId, clientHost } = context;
  if (!context.authorize("read", "group", request.groupId)) {
    return bodyOf(joinError("", errorCodes.GROUP_AUTHORIZATION_FAILED), apiVersion);
  }
  const reply = await context.groups.joinGroup(request, { apiVersion, clientId, clientHost });
  return bodyOf(reply, apiVersion);
});

function bodyOf(reply: JoinReply, apiVersion: number): Body {
  if (reply.protocolName !== null || apiVersion >= firstVersionWithoutProtocol) return reply;
  return { ...reply, protocolName: "" };
}
