import { apis, errorCodes } from "@ottla/protocol";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.createPartitions>;

/** CreatePartitions 0-3. */
export const createPartitions = handler(apis.createPartitions, [0, 3], async (request, context): Promise<Body> => {
  const counts = new Map<string, number>();
  for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1);
  const results: { name: string; errorCode: number; errorMessage: string | null }[] = [];
  for (const [name, times] of counts) {
    if (times === 1) continue;
    results.push({ name, errorCode: errorCodes.INVALID_REQUEST, errorMessage: "Duplicate topic name." });
  }
  for (const { name, count, assignments } of request.topics) {
    if (counts.get(name) !== 1) continue;
    if (!context.authorize("alter", "topic", name)) {
      results.push({ name, errorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED, errorMessage: null });
      continue;
    }
    const brokerIds = assignments?.map((assignment) => assignment.brokerIds) ?? null;
    const outcome = await context.cluster.createPartitions(
      { name, count, assignments: brokerIds },
      request.validateOnly,
    );
    results.push({ name, ...outcome });
  }
  return { results };
});
