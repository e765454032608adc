import { apis, errorCodes } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";
import { ledPartition } from "./partitions.ts";

/** DescribeProducers 0: the idempotent producers that a partition remembers. */
export const describeProducers = handler(
  apis.describeProducers,
  [0, 0],
  (request, context): ResponseBody<typeof apis.describeProducers> => ({
    topics: request.topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        ...describe(name, partitionIndex, context),
      })),
    })),
  }),
);

function describe(name: string, index: number, context: RequestContext) {
  const refused = (errorCode: number) => ({ errorCode, activeProducers: [] });
  if (!context.authorize("read", "topic", name)) return refused(errorCodes.TOPIC_AUTHORIZATION_FAILED);
  const partition = ledPartition(context.cluster.topic(name), index, context);
  if (typeof partition === "number") return refused(partition);
  const activeProducers = partition.producers().map((producer) => ({
    producerId: producer.producerId,
    producerEpoch: producer.producerEpoch,
    lastSequence: producer.lastSequence,
    lastTimestamp: producer.lastTimestampMs,
    coordinatorEpoch: producer.coordinatorEpoch,
    currentTxnStartOffset: producer.currentTransactionStartOffset,
  }));
  return { errorCode: errorCodes.NONE, activeProducers };
}
