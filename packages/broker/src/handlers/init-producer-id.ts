import { apis, errorCodes } from "@ottla/protocol";
import { MetadataUnavailableError } from "../cluster/metadata-store.ts";
import { handler } from "./handler.ts";

/**
 * InitProducerId 0-5: a producer id for idempotence.
 * Gap: no transactions. A transactional id gets TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which Java's client, librdkafka and kafkajs take as fatal at once; any other
 * refusal makes one of them try again until its time is over.
 */
export const initProducerId = handler(apis.initProducerId, [0, 5], async (request, context) => {
  const refused = (errorCode: number) => ({ errorCode, producerId: -1, producerEpoch: -1 });
  if (request.transactionalId !== null) return refused(errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
  if (!context.authorize("idempotentWrite", "cluster", "kafka-cluster")) {
    return refused(errorCodes.CLUSTER_AUTHORIZATION_FAILED);
  }
  try {
    return { errorCode: errorCodes.NONE, producerId: await context.cluster.allocateProducerId(), producerEpoch: 0 };
  } catch (error) {
    if (!(error instanceof MetadataUnavailableError)) throw error;
    return refused(errorCodes.COORDINATOR_NOT_AVAILABLE);
  }
});
