import { apis, errorCodes } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";
import { ledPartition } from "./partitions.ts";

/** DeleteRecords 0-2: moves where a partition begins. */
export const deleteRecords = handler(
  apis.deleteRecords,
  [0, 2],
  async (request, context): Promise<ResponseBody<typeof apis.deleteRecords>> => {
    const topics = request.topics.map(async ({ name, partitions }) => {
      const outcomes = partitions.map(async ({ partitionIndex, offset }) => ({
        partitionIndex,
        ...(await deleteBefore(name, partitionIndex, offset, context)),
      }));
      return { name, partitions: await Promise.all(outcomes) };
    });
    return { topics: await Promise.all(topics) };
  },
);

async function deleteBefore(name: string, index: number, offset: number, context: RequestContext) {
  const refused = (errorCode: number) => ({ lowWatermark: -1, errorCode });
  if (!context.authorize("delete", "topic", name)) return refused(errorCodes.TOPIC_AUTHORIZATION_FAILED);
  const topic = context.cluster.topic(name);
  const partition = ledPartition(topic, index, context);
  if (typeof partition === "number") return refused(partition);
  if (topic?.isInternal === true) return refused(errorCodes.INVALID_TOPIC_EXCEPTION);
  let errorCode = partition.deleteRecordsBefore(offset);
  if (errorCode === errorCodes.NONE) errorCode = await partition.logStartStored();
  return errorCode === errorCodes.NONE ? { lowWatermark: partition.logStartOffset, errorCode } : refused(errorCode);
}
