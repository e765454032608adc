import { apis, errorCodes, refreshesMetadata } from "@ottla/protocol";
import type { ClientCore } from "../client-core.ts";
import { isRetriableError, KafkaError, kafkaError } from "../errors.ts";
import type { PartitionState } from "./partition-state.ts";
import { groupByTopic, PartitionMap } from "./topic-partition.ts";

/** Where the log of a leader epoch ends; both -1 where the leader knows nothing of it. */
export interface EpochEnd {
  readonly leaderEpoch: number;
  readonly endOffset: number;
}

/** Before version 3 only replicas may ask. */
const minVersion = 3;

/** Whether the broker can tell where epochs end (Kafka 2.3); connects where there is no connection. */
export async function knowsEpochs(core: ClientCore, nodeId: number, signal: AbortSignal): Promise<boolean> {
  const range = await core.pool.supports(nodeId, apis.offsetForLeaderEpoch, signal);
  return range !== null && range.max >= minVersion;
}

/** Asks the leader where the epochs of these positions end (KIP-320); per partition the end, or why there is none. */
export async function askEpochEnds(
  core: ClientCore,
  nodeId: number,
  states: readonly PartitionState[],
  signal: AbortSignal,
): Promise<PartitionMap<EpochEnd | KafkaError>> {
  const outcomes = new PartitionMap<EpochEnd | KafkaError>();
  const topics = [...groupByTopic(states)].map(([topic, list]) => ({
    topic,
    partitions: list.map(({ partition, positionEpoch }) => ({
      partition,
      currentLeaderEpoch: core.metadata.leader(topic, partition)?.epoch ?? -1,
      leaderEpoch: positionEpoch,
    })),
  }));
  try {
    const body = { replicaId: -1, topics };
    const response = await core.pool.send(nodeId, apis.offsetForLeaderEpoch, body, { minVersion, signal });
    for (const { topic, partitions } of response.topics) {
      for (const { partition, errorCode, leaderEpoch, endOffset } of partitions) {
        if (errorCode === errorCodes.NONE) {
          outcomes.set(topic, partition, { leaderEpoch, endOffset });
          continue;
        }
        if (refreshesMetadata(errorCode)) core.metadata.invalidate(topic);
        outcomes.set(
          topic,
          partition,
          kafkaError(errorCode, `Could not validate the position in ${topic}-${partition}`),
        );
      }
    }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    for (const { topic, partition } of states) {
      outcomes.set(topic, partition, error);
      if (isRetriableError(error)) core.metadata.invalidate(topic);
    }
  }
  return outcomes;
}
