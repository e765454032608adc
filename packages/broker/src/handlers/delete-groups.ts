import { apis, errorCodes } from "@ottla/protocol";
import { splitByPermission } from "./group-operations.ts";
import { handler, type ResponseBody } from "./handler.ts";

/** DeleteGroups 0-2: only groups without members. */
export const deleteGroups = handler(
  apis.deleteGroups,
  [0, 2],
  async (request, context): Promise<ResponseBody<typeof apis.deleteGroups>> => {
    const { allowed, refused } = splitByPermission([...new Set(request.groupsNames)], "delete", context);
    const results = await context.groups.deleteGroups(allowed);
    const errorCode = errorCodes.GROUP_AUTHORIZATION_FAILED;
    return { results: [...results, ...refused.map((groupId) => ({ groupId, errorCode }))] };
  },
);
