import { apis, errorCodes } from "@ottla/protocol";
import { resourceTypes } from "../cluster/metadata-state.ts";
import { clusterResource, type RequestContext } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";
import { liveBrokers } from "./partitions.ts";

type Body = ResponseBody<typeof apis.listConfigResources>;

/** From this version on there are other resources than client metrics (KIP-1142). */
const firstVersionWithTypes = 1;

/** In the order in which Kafka names them. */
const { group, clientMetrics, brokerLogger, broker, topic } = resourceTypes;
const knownTypes: readonly number[] = [group, clientMetrics, brokerLogger, broker, topic];

/** ListConfigResources 0-1: groups that have settings, all topics and brokers; of all types if none is given. Gap: no client metrics. */
export const listConfigResources = handler(apis.listConfigResources, [0, 1], (request, context): Body => {
  const refuse = (errorCode: number): Body => ({ errorCode, configResources: [] });
  if (!context.authorize("describeConfigs", "cluster", clusterResource)) {
    return refuse(errorCodes.CLUSTER_AUTHORIZATION_FAILED);
  }
  const supported = context.apiVersion >= firstVersionWithTypes ? knownTypes : [clientMetrics];
  const wanted = request.resourceTypes ?? [];
  if (wanted.some((type) => !supported.includes(type))) return refuse(errorCodes.UNSUPPORTED_VERSION);
  const types = supported.filter((type) => wanted.length === 0 || wanted.includes(type));
  return {
    errorCode: errorCodes.NONE,
    configResources: types.flatMap((resourceType) =>
      namesOf(resourceType, context).map((resourceName) => ({ resourceName, resourceType })),
    ),
  };
});

function namesOf(type: number, context: RequestContext): string[] {
  switch (type) {
    case group:
      return context.cluster.configuredNames(group);
    case topic:
      return Array.from(context.cluster.topics(), ({ name }) => name);
    case broker:
    case brokerLogger:
      return liveBrokers(context).map(({ id }) => String(id));
    default:
      return [];
  }
}
