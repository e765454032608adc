import { apis, errorCodes } from "@ottla/protocol";
import { handler, type ResponseBody } from "./handler.ts";
import { allClusterOperations, liveBrokers } from "./partitions.ts";

type Body = ResponseBody<typeof apis.describeCluster>;

/** What may be asked for (KIP-919). */
const endpointTypes = { brokers: 1, controllers: 2 } as const;

/** DescribeCluster 0-2. Controllers cannot be asked for here, nor of Kafka's brokers. */
export const describeCluster = handler(apis.describeCluster, [0, 2], (request, context): Body => {
  const { clusterId, replication } = context.cluster;
  if (request.endpointType !== endpointTypes.brokers) {
    const isKnown = request.endpointType === endpointTypes.controllers;
    return {
      errorCode: isKnown ? errorCodes.MISMATCHED_ENDPOINT_TYPE : errorCodes.UNSUPPORTED_ENDPOINT_TYPE,
      errorMessage: isKnown
        ? "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
        : `Unsupported endpoint type ${request.endpointType}`,
      clusterId: "",
      brokers: [],
    };
  }
  const operations = request.includeClusterAuthorizedOperations
    ? { clusterAuthorizedOperations: allClusterOperations }
    : {};
  const fenced = request.includeFencedBrokers ? replication.fenced(context.listener.name) : [];
  return {
    errorCode: errorCodes.NONE,
    clusterId,
    controllerId: replication.controllerId,
    brokers: [
      ...liveBrokers(context).map(({ id, ...broker }) => ({ brokerId: id, ...broker })),
      ...fenced.map(({ id, ...broker }) => ({ brokerId: id, ...broker, isFenced: true })),
    ],
    ...operations,
  };
});
