import type { Operation, RequestContext } from "../context.ts";

/** What may be done to a group, with Kafka's numbers (`AclEntry.supportedOperations`). */
const groupOperations: readonly [Operation, number][] = [
  ["read", 3],
  ["delete", 6],
  ["describe", 8],
  ["describeConfigs", 10],
  ["alterConfigs", 11],
];

/** What the client may do to a group: one bit for each operation. */
export function allowedGroupOperations(groupId: string, context: RequestContext): number {
  let bits = 0;
  for (const [operation, number] of groupOperations) {
    if (context.authorize(operation, "group", groupId)) bits |= 1 << number;
  }
  return bits;
}

/** Groups that the client may do this to, and those that it may not. A request may name any number of them. */
export function splitByPermission(
  groupIds: readonly string[],
  operation: Operation,
  context: RequestContext,
): { readonly allowed: string[]; readonly refused: string[] } {
  const allowed: string[] = [];
  const refused: string[] = [];
  for (const groupId of groupIds) {
    (context.authorize(operation, "group", groupId) ? allowed : refused).push(groupId);
  }
  return { allowed, refused };
}
