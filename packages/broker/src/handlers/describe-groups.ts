import { apis, errorCodes } from "@ottla/protocol";
import type { Operation, RequestContext } from "../context.ts";
import { failedDescription } from "../coordinator/group-descriptions.ts";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.describeGroups>;

/** What may be done to a group, with Kafka's numbers (`AclEntry.supportedOperations`). */
const groupOperations: readonly [Operation, number][] = [
  ["read", 3],
  ["delete", 6],
  ["describe", 8],
  ["describeConfigs", 10],
  ["alterConfigs", 11],
];

/** DescribeGroups 0-6, for classic groups. A group that does not exist is shown as `Dead`, from version 6 on with GROUP_ID_NOT_FOUND (KIP-1043). */
export const describeGroups = handler(apis.describeGroups, [0, 6], async (request, context): Promise<Body> => {
  const allowed = request.groups.filter((groupId) => context.authorize("describe", "group", groupId));
  const refused = request.groups.filter((groupId) => !allowed.includes(groupId));
  const described = await context.groups.describeGroups(allowed, context.apiVersion);
  return {
    groups: [
      ...refused.map((groupId) => failedDescription(groupId, errorCodes.GROUP_AUTHORIZATION_FAILED)),
      ...described.map((group) => {
        const asksOperations = request.includeAuthorizedOperations && group.errorCode === 0;
        return asksOperations ? { ...group, authorizedOperations: operationsOf(group.groupId, context) } : group;
      }),
    ],
  };
});

/** One bit for each operation that is allowed. */
function operationsOf(groupId: string, context: RequestContext): number {
  let bits = 0;
  for (const [operation, number] of groupOperations) {
    if (context.authorize(operation, "group", groupId)) bits |= 1 << number;
  }
  return bits;
}
