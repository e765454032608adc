import { apis, errorCodes } from "@ottla/protocol";
import { handler } from "./handler.ts";

/** Heartbeat 0-4. */
export const heartbeat = handler(apis.heartbeat, [0, 4], (request, context) => {
  if (!context.authorize("read", "group", request.groupId)) return { errorCode: errorCodes.GROUP_AUTHORIZATION_FAILED };
  const answer = context.groups.heartbeat(request);
  return typeof answer === "number" ? { errorCode: answer } : answer.then((errorCode) => ({ errorCode }));
});
