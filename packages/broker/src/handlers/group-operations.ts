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
