import { apis, errorCodes } from "@ottla/protocol";
import { offsetsTopicName } from "../cluster/topic.ts";
import type { RequestContext } from "../context.ts";
import { handler, type ResponseBody } from "./handler.ts";
import { liveBrokers } from "./partitions.ts";

type Body = ResponseBody<typeof apis.findCoordinator>;

/** What is coordinated: groups, transactions, share groups. */
const keyTypes = { group: 0, transaction: 1, share: 2 } as const;

interface Found {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/**
 * FindCoordinator 0-6: for a group the broker that leads its partition of `__consumer_offsets`, which is made on the first request.
 * Gaps: no transactions (see InitProducerId) and no share groups.
 */
export const findCoordinator = handler(apis.findCoordinator, [0, 6], async (request, context): Promise<Body> => {
  if (context.apiVersion < 4) {
    const { errorMessage, ...found } = await find(request.keyType, request.key, context);
    return context.apiVersion === 0 ? found : { ...found, errorMessage };
  }
  const coordinators: ({ readonly key: string } & Found)[] = [];
  for (const key of request.coordinatorKeys) coordinators.push({ key, ...(await find(request.keyType, key, context)) });
  return { coordinators };
});

async function find(keyType: number, key: string, context: RequestContext): Promise<Found> {
  if (keyType === keyTypes.transaction) {
    return failed(
      errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
      "This broker has no transactions: remove transactional.id.",
    );
  }
  if (keyType === keyTypes.share) return failed(errorCodes.INVALID_REQUEST, "This broker has no share groups.");
  if (keyType !== keyTypes.group) return failed(errorCodes.INVALID_REQUEST, `Unknown coordinator type ${keyType}.`);
  if (!context.authorize("describe", "group", key)) return failed(errorCodes.GROUP_AUTHORIZATION_FAILED, null);
  const { topic, errorMessage } = await context.cluster.ensureTopic({ name: offsetsTopicName });
  if (topic === null) {
    return failed(errorCodes.COORDINATOR_NOT_AVAILABLE, `${offsetsTopicName} cannot be made: ${errorMessage}`);
  }
  const { coordinators, replication } = context.cluster;
  const { leader } = replication.of(topic.partitions[coordinators.partitionOf(key)]!);
  const broker = liveBrokers(context).find(({ id }) => id === leader);
  if (broker === undefined) return failed(errorCodes.COORDINATOR_NOT_AVAILABLE, null);
  const { host, port } = broker;
  return { nodeId: leader, host, port, errorCode: errorCodes.NONE, errorMessage: null };
}

function failed(errorCode: number, errorMessage: string | null): Found {
  return { nodeId: -1, host: "", port: -1, errorCode, errorMessage };
}
