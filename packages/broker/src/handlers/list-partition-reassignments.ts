import { apis, errorCodes } from "@ottla/protocol";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.listPartitionReassignments>;

/** ListPartitionReassignments 0. Gap: nothing is ever reassigned (AlterPartitionReassignments is not served), in a cluster of several brokers either. */
export const listPartitionReassignments = handler(
  apis.listPartitionReassignments,
  [0, 0],
  (_request, context): Body => {
    const isAllowed = context.authorize("describe", "cluster", "kafka-cluster");
    const errorCode = isAllowed ? errorCodes.NONE : errorCodes.CLUSTER_AUTHORIZATION_FAILED;
    return { errorCode, errorMessage: null, topics: [] };
  },
);
