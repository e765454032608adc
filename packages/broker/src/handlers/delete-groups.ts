import { apis, errorCodes } from "@ottla/protocol";
import { handler, type ResponseBody } from "./handler.ts";

/** DeleteGroups 0-2: only groups without members. */
export const deleteGroups = handler(
  apis.deleteGroups,
  [0, 2],
  async (request, context): Promise<ResponseBody<typeof apis.deleteGroups>> => {
    const groupIds = [...new Set(request.groupsNames)];
    const allowed = groupIds.filter((groupId) => context.authorize("delete", "group", groupId));
    const refused = groupIds.filter((groupId) => !allowed.includes(groupId));
    const results = await context.groups.deleteGroups(allowed);
    const errorCode = errorCodes.GROUP_AUTHORIZATION_FAILED;
    return { results: [...results, ...refused.map((groupId) => ({ groupId, errorCode }))] };
  },
);
