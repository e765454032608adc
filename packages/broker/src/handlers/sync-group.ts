import { apis, errorCodes } from "@ottla/protocol";
import { syncError } from "../coordinator/group-events.ts";
import { handler, type ResponseBody } from "./handler.ts";

/** From this version on a member says which protocol it believes in (KIP-559). */
const firstVersionWithProtocol = 5;

/** SyncGroup 0-5. Answered once the leader's assignment is stored. */
export const syncGroup = handler(
  apis.syncGroup,
  [0, 5],
  (request, context): ResponseBody<typeof apis.syncGroup> | Promise<ResponseBody<typeof apis.syncGroup>> => {
    const saysProtocol = request.protocolType !== null && request.protocolName !== null;
    if (context.apiVersion >= firstVersionWithProtocol && !saysProtocol) {
      return syncError(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
    }
    if (!context.authorize("read", "group", request.groupId)) return syncError(errorCodes.GROUP_AUTHORIZATION_FAILED);
    return context.groups.syncGroup(request);
  },
);
