import { apis, errorCodes } from "@ottla/protocol";
import { type ConfigChange, type ConfigOperation, configOperations } from "../cluster/alter-configs.ts";
import { type ConfigResource, resourceTypes } from "../cluster/metadata-state.ts";
import { refusal } from "../cluster/topic-rules.ts";
import type { Refusal } from "../cluster-state.ts";
import type { RequestContext } from "../context.ts";
import { handler } from "./handler.ts";

/** AlterConfigs 0-2: what is not named goes back to its default. Gaps as for IncrementalAlterConfigs. */
export const alterConfigs = handler(apis.alterConfigs, [0, 2], async (request, context) => {
  const changes = request.resources.map(({ resourceType, resourceName, configs }) =>
    change(
      { type: resourceType, name: resourceName },
      configs.map(({ name, value }) => ({ name, value, operation: configOperations.set })),
      true,
    ),
  );
  return { responses: await alter(changes, request.validateOnly, context) };
});

/** IncrementalAlterConfigs 0-1 (KIP-339) for topics, brokers and groups. Gap: the broker's loggers have no levels to set. */
export const incrementalAlterConfigs = handler(apis.incrementalAlterConfigs, [0, 1], async (request, context) => {
  const changes = request.resources.map(({ resourceType, resourceName, configs }) =>
    change(
      { type: resourceType, name: resourceName },
      configs.map(({ name, value, configOperation }) => ({ name, value, operation: configOperation })),
      false,
    ),
  );
  return { responses: await alter(changes, request.validateOnly, context) };
});

function change(resource: ConfigResource, operations: ConfigOperation[], replacesAll: boolean): ConfigChange {
  return { resource, operations, replacesAll };
}

async function alter(changes: readonly ConfigChange[], validateOnly: boolean, context: RequestContext) {
  const counts = new Map<string, number>();
  const keyOf = ({ resource }: ConfigChange) => `${resource.type}:${resource.name}`;
  for (const one of changes) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1);
  const refusals = changes.map((one) =>
    counts.get(keyOf(one)) === 1
      ? authorize(one.resource, context)
      : refusal(errorCodes.INVALID_REQUEST, "Each resource must appear at most once."),
  );
  const allowed = changes.filter((_, index) => refusals[index] === null);
  const outcomes = await context.cluster.alterConfigs(allowed, validateOnly, context.node);
  let next = 0;
  return changes.map(({ resource }, index) => ({
    ...(refusals[index] ?? outcomes[next++]!),
    resourceType: resource.type,
    resourceName: resource.name,
  }));
}

function authorize({ type, name }: ConfigResource, context: RequestContext): Refusal | null {
  switch (type) {
    case resourceTypes.topic:
      if (context.authorize("alterConfigs", "topic", name)) return null;
      return refusal(errorCodes.TOPIC_AUTHORIZATION_FAILED, null);
    case resourceTypes.group:
      if (context.authorize("alterConfigs", "group", name)) return null;
      return refusal(errorCodes.GROUP_AUTHORIZATION_FAILED, null);
    default:
      if (context.authorize("alterConfigs", "cluster", "kafka-cluster")) return null;
      return refusal(errorCodes.CLUSTER_AUTHORIZATION_FAILED, null);
  }
}
