import { alterConfigs, incrementalAlterConfigs } from "./alter-configs.ts";
import { apiVersions } from "./api-versions.ts";
import { createPartitions } from "./create-partitions.ts";
import { createTopics } from "./create-topics.ts";
import { deleteRecords } from "./delete-records.ts";
import { deleteTopics } from "./delete-topics.ts";
import { describeCluster } from "./describe-cluster.ts";
import { describeConfigs } from "./describe-configs.ts";
import { describeLogDirs } from "./describe-log-dirs.ts";
import { describeProducers } from "./describe-producers.ts";
import { describeTopicPartitions } from "./describe-topic-partitions.ts";
import { electLeaders } from "./elect-leaders.ts";
import { fetch } from "./fetch.ts";
import { findCoordinator } from "./find-coordinator.ts";
import { groupHandlers } from "./group-handlers.ts";
import type { Handler } from "./handler.ts";
import { initProducerId } from "./init-producer-id.ts";
import { listConfigResources } from "./list-config-resources.ts";
import { listOffsets } from "./list-offsets.ts";
import { listPartitionReassignments } from "./list-partition-reassignments.ts";
import { metadata } from "./metadata.ts";
import { offsetForLeaderEpoch } from "./offset-for-leader-epoch.ts";
import { produce } from "./produce.ts";

/** Every API that is served; ApiVersions announces exactly these. */
export const handlers: readonly Handler[] = [
  apiVersions(() => handlers),
  metadata,
  produce,
  fetch,
  listOffsets,
  offsetForLeaderEpoch,
  initProducerId,
  createTopics,
  deleteTopics,
  createPartitions,
  deleteRecords,
  describeConfigs,
  listConfigResources,
  alterConfigs,
  incrementalAlterConfigs,
  describeTopicPartitions,
  describeCluster,
  describeLogDirs,
  describeProducers,
  electLeaders,
  listPartitionReassignments,
  findCoordinator,
  ...groupHandlers,
];
