import { apis, type DescribeConfigsRequest, errorCodes } from "@ottla/protocol";
import { checkBrokerId } from "../cluster/alter-configs.ts";
import {
  type ConfigEntry,
  describeBrokerConfigs,
  describeDefaultBrokerConfigs,
  describeGroupConfigs,
  describeTopicConfigs,
} from "../cluster/describe-configs.ts";
import { resourceTypes } from "../cluster/metadata-state.ts";
import { checkTopicName, refusal } from "../cluster/topic-rules.ts";
import type { Refusal } from "../cluster-state.ts";
import type { RequestContext } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.describeConfigs>;
type Result = Body["results"][number];
type AskedResource = DescribeConfigsRequest["resources"][number];

/** DescribeConfigs 1-4 for topics, brokers and groups. Gap: the broker's loggers have no levels to show. */
export const describeConfigs = handler(
  apis.describeConfigs,
  [1, 4],
  (request, context): Body => ({ results: request.resources.map((resource) => describe(resource, request, context)) }),
);

function describe(resource: AskedResource, request: DescribeConfigsRequest, context: RequestContext): Result {
  const { resourceType, resourceName, configurationKeys } = resource;
  const entries = entriesOf(resource, context);
  if ("errorCode" in entries) return { ...entries, resourceType, resourceName, configs: [] };
  const wanted = configurationKeys === null || configurationKeys.length === 0 ? null : new Set(configurationKeys);
  const shown = wanted === null ? entries : entries.filter(({ name }) => wanted.has(name));
  return {
    errorCode: errorCodes.NONE,
    errorMessage: "",
    resourceType,
    resourceName,
    configs: shown.map((entry) => ({
      name: entry.name,
      value: entry.value,
      readOnly: entry.isReadOnly,
      configSource: entry.source,
      isSensitive: entry.isSensitive,
      synonyms: request.includeSynonyms ? entry.synonyms : [],
      configType: entry.type,
      documentation: request.includeDocumentation ? entry.documentation : null,
    })),
  };
}

function entriesOf(
  { resourceType, resourceName: name }: AskedResource,
  context: RequestContext,
): ConfigEntry[] | Refusal {
  const { cluster, node } = context;
  switch (resourceType) {
    case resourceTypes.topic: {
      if (!context.authorize("describeConfigs", "topic", name))
        return refusal(errorCodes.TOPIC_AUTHORIZATION_FAILED, null);
      const wrong = checkTopicName(name);
      if (wrong !== null) return refusal(errorCodes.INVALID_TOPIC_EXCEPTION, wrong);
      const topic = cluster.topic(name);
      if (topic === undefined) return refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, null);
      return describeTopicConfigs(topic.configOverrides, node.settings);
    }
    case resourceTypes.broker: {
      if (!context.authorize("describeConfigs", "cluster", "kafka-cluster")) {
        return refusal(errorCodes.CLUSTER_AUTHORIZATION_FAILED, null);
      }
      if (name === "") return describeDefaultBrokerConfigs(cluster.configsOf({ type: resourceTypes.broker, name: "" }));
      return checkBrokerId(name, node.id, "Broker id", " or empty string,") ?? describeBrokerConfigs(node.settings);
    }
    case resourceTypes.group:
      if (!context.authorize("describeConfigs", "group", name))
        return refusal(errorCodes.GROUP_AUTHORIZATION_FAILED, null);
      if (name === "") return refusal(errorCodes.INVALID_REQUEST, "Group name must not be empty");
      return describeGroupConfigs(cluster.configsOf({ type: resourceTypes.group, name }), node.settings);
    default:
      return refusal(errorCodes.INVALID_REQUEST, `Unsupported resource type: ${resourceType}`);
  }
}
