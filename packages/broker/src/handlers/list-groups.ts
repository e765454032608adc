import { apis } from "@ottla/protocol";
import { clusterResource } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";

/** ListGroups 0-5, of some states (4) and types (5). Who may not describe the cluster sees the groups that it may describe. */
export const listGroups = handler(
  apis.listGroups,
  [0, 5],
  async (request, context): Promise<ResponseBody<typeof apis.listGroups>> => {
    const { errorCode, groups } = await context.groups.listGroups(request.statesFilter, request.typesFilter);
    const seesAll = context.authorize("describe", "cluster", clusterResource);
    return {
      errorCode,
      groups: seesAll ? groups : groups.filter(({ groupId }) => context.authorize("describe", "group", groupId)),
    };
  },
);
