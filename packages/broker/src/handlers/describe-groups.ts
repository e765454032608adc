import { apis, errorCodes } from "@ottla/protocol";
import { failedDescription } from "../coordinator/group-descriptions.ts";
import { allowedGroupOperations, splitByPermission } from "./group-operations.ts";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.describeGroups>;

/** DescribeGroups 0-6, for classic groups. One that does not exist, or is of another kind, is shown as `Dead`, from version 6 on with GROUP_ID_NOT_FOUND (KIP-1043). */
export const describeGroups = handler(apis.describeGroups, [0, 6], async (request, context): Promise<Body> => {
  const { allowed, refused } = splitByPermission(request.groups, "describe", context);
  const described = await context.groups.describeGroups(allowed, context.apiVersion);
  return {
    groups: [
      ...refused.map((groupId) => failedDescription(groupId, errorCodes.GROUP_AUTHORIZATION_FAILED)),
      ...described.map((group) => {
        if (!request.includeAuthorizedOperations || group.errorCode !== 0) return group;
        return { ...group, authorizedOperations: allowedGroupOperations(group.groupId, context) };
      }),
    ],
  };
});
