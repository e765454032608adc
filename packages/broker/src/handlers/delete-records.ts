import { apis, errorCodes } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";
import { ledPartition } from "./partitions.ts";

/** DeleteRecords 0-2: moves where a partition begins. */
export const deleteRecords = handler(
  apis.deleteRecords,
  [0, 2],
  (request, context): ResponseBody<typeof apis.deleteRecords> => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, offset }) => ({
        partitionIndex,
        ...deleteBefore(name, partitionIndex, offset, context),
      })),
    })),
  }),
);

function deleteBefore(name: string, index: number, offset: number, context: RequestContext) {
  const refused = (errorCode: number) => ({ lowWatermark: -1, errorCode });
  if (!context.authorize("delete", "topic", name)) return refused(errorCodes.TOPIC_AUTHORIZATION_FAILED);
  const topic = context.cluster.topic(name);
  const partition = ledPartition(topic, index, context);
  if (typeof partition === "number") return refused(partition);
  if (topic?.isInternal === true) return refused(errorCodes.INVALID_TOPIC_EXCEPTION);
  const errorCode = partition.deleteRecordsBefore(offset);
  return errorCode === errorCodes.NONE ? { lowWatermark: partition.logStartOffset, errorCode } : refused(errorCode);
}
