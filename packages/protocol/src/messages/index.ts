import { type Api, api } from "../api.ts";
import { addOffsetsToTxnRequest, addOffsetsToTxnResponse } from "./add-offsets-to-txn.ts";
import { addPartitionsToTxnRequest, addPartitionsToTxnResponse } from "./add-partitions-to-txn.ts";
import { addRaftVoterRequest, addRaftVoterResponse } from "./add-raft-voter.ts";
import { alterClientQuotasRequest, alterClientQuotasResponse } from "./alter-client-quotas.ts";
import { alterConfigsRequest, alterConfigsResponse } from "./alter-configs.ts";
import {
  alterPartitionReassignmentsRequest,
  alterPartitionReassignmentsResponse,
} from "./alter-partition-reassignments.ts";
import { alterReplicaLogDirsRequest, alterReplicaLogDirsResponse } from "./alter-replica-log-dirs.ts";
import { alterShareGroupOffsetsRequest, alterShareGroupOffsetsResponse } from "./alter-share-group-offsets.ts";
import { alterUserScramCredentialsRequest, alterUserScramCredentialsResponse } from "./alter-user-scram-credentials.ts";
import { apiVersionsRequest, apiVersionsResponse } from "./api-versions.ts";
import { consumerGroupDescribeRequest, consumerGroupDescribeResponse } from "./consumer-group-describe.ts";
import { consumerGroupHeartbeatRequest, consumerGroupHeartbeatResponse } from "./consumer-group-heartbeat.ts";
import { createAclsRequest, createAclsResponse } from "./create-acls.ts";
import { createDelegationTokenRequest, createDelegationTokenResponse } from "./create-delegation-token.ts";
import { createPartitionsRequest, createPartitionsResponse } from "./create-partitions.ts";
import { createTopicsRequest, createTopicsResponse } from "./create-topics.ts";
import { deleteAclsRequest, deleteAclsResponse } from "./delete-acls.ts";
import { deleteGroupsRequest, deleteGroupsResponse } from "./delete-groups.ts";
import { deleteRecordsRequest, deleteRecordsResponse } from "./delete-records.ts";
import { deleteShareGroupOffsetsRequest, deleteShareGroupOffsetsResponse } from "./delete-share-group-offsets.ts";
import { deleteTopicsRequest, deleteTopicsResponse } from "./delete-topics.ts";
import { describeAclsRequest, describeAclsResponse } from "./describe-acls.ts";
import { describeClientQuotasRequest, describeClientQuotasResponse } from "./describe-client-quotas.ts";
import { describeClusterRequest, describeClusterResponse } from "./describe-cluster.ts";
import { describeConfigsRequest, describeConfigsResponse } from "./describe-configs.ts";
import { describeDelegationTokenRequest, describeDelegationTokenResponse } from "./describe-delegation-token.ts";
import { describeGroupsRequest, describeGroupsResponse } from "./describe-groups.ts";
import { describeLogDirsRequest, describeLogDirsResponse } from "./describe-log-dirs.ts";
import { describeProducersRequest, describeProducersResponse } from "./describe-producers.ts";
import { describeQuorumRequest, describeQuorumResponse } from "./describe-quorum.ts";
import { describeShareGroupOffsetsRequest, describeShareGroupOffsetsResponse } from "./describe-share-group-offsets.ts";
import { describeTopicPartitionsRequest, describeTopicPartitionsResponse } from "./describe-topic-partitions.ts";
import { describeTransactionsRequest, describeTransactionsResponse } from "./describe-transactions.ts";
import {
  describeUserScramCredentialsRequest,
  describeUserScramCredentialsResponse,
} from "./describe-user-scram-credentials.ts";
import { electLeadersRequest, electLeadersResponse } from "./elect-leaders.ts";
import { endTxnRequest, endTxnResponse } from "./end-txn.ts";
import { expireDelegationTokenRequest, expireDelegationTokenResponse } from "./expire-delegation-token.ts";
import { fetchRequest, fetchResponse } from "./fetch.ts";
import { findCoordinatorRequest, findCoordinatorResponse } from "./find-coordinator.ts";
import { getTelemetrySubscriptionsRequest, getTelemetrySubscriptionsResponse } from "./get-telemetry-subscriptions.ts";
import { heartbeatRequest, heartbeatResponse } from "./heartbeat.ts";
import { incrementalAlterConfigsRequest, incrementalAlterConfigsResponse } from "./incremental-alter-configs.ts";
import { initProducerIdRequest, initProducerIdResponse } from "./init-producer-id.ts";
import { joinGroupRequest, joinGroupResponse } from "./join-group.ts";
import { leaveGroupRequest, leaveGroupResponse } from "./leave-group.ts";
import { listConfigResourcesRequest, listConfigResourcesResponse } from "./list-config-resources.ts";
import { listGroupsRequest, listGroupsResponse } from "./list-groups.ts";
import { listOffsetsRequest, listOffsetsResponse } from "./list-offsets.ts";
import {
  listPartitionReassignmentsRequest,
  listPartitionReassignmentsResponse,
} from "./list-partition-reassignments.ts";
import { listTransactionsRequest, listTransactionsResponse } from "./list-transactions.ts";
import { metadataRequest, metadataResponse } from "./metadata.ts";
import { offsetCommitRequest, offsetCommitResponse } from "./offset-commit.ts";
import { offsetDeleteRequest, offsetDeleteResponse } from "./offset-delete.ts";
import { offsetFetchRequest, offsetFetchResponse } from "./offset-fetch.ts";
import { offsetForLeaderEpochRequest, offsetForLeaderEpochResponse } from "./offset-for-leader-epoch.ts";
import { produceRequest, produceResponse } from "./produce.ts";
import { pushTelemetryRequest, pushTelemetryResponse } from "./push-telemetry.ts";
import { removeRaftVoterRequest, removeRaftVoterResponse } from "./remove-raft-voter.ts";
import { renewDelegationTokenRequest, renewDelegationTokenResponse } from "./renew-delegation-token.ts";
import { saslAuthenticateRequest, saslAuthenticateResponse } from "./sasl-authenticate.ts";
import { saslHandshakeRequest, saslHandshakeResponse } from "./sasl-handshake.ts";
import { shareAcknowledgeRequest, shareAcknowledgeResponse } from "./share-acknowledge.ts";
import { shareFetchRequest, shareFetchResponse } from "./share-fetch.ts";
import { shareGroupDescribeRequest, shareGroupDescribeResponse } from "./share-group-describe.ts";
import { shareGroupHeartbeatRequest, shareGroupHeartbeatResponse } from "./share-group-heartbeat.ts";
import { streamsGroupDescribeRequest, streamsGroupDescribeResponse } from "./streams-group-describe.ts";
import { streamsGroupHeartbeatRequest, streamsGroupHeartbeatResponse } from "./streams-group-heartbeat.ts";
import { syncGroupRequest, syncGroupResponse } from "./sync-group.ts";
import { txnOffsetCommitRequest, txnOffsetCommitResponse } from "./txn-offset-commit.ts";
import { unregisterBrokerRequest, unregisterBrokerResponse } from "./unregister-broker.ts";
import { updateFeaturesRequest, updateFeaturesResponse } from "./update-features.ts";
import { writeTxnMarkersRequest, writeTxnMarkersResponse } from "./write-txn-markers.ts";

/** Every API that a client, an admin tool or a group member sends to a broker, in order of keys. */
export const apis = {
  produce: api("PRODUCE", produceRequest, produceResponse),
  fetch: api("FETCH", fetchRequest, fetchResponse),
  listOffsets: api("LIST_OFFSETS", listOffsetsRequest, listOffsetsResponse),
  metadata: api("METADATA", metadataRequest, metadataResponse),
  offsetCommit: api("OFFSET_COMMIT", offsetCommitRequest, offsetCommitResponse),
  offsetFetch: api("OFFSET_FETCH", offsetFetchRequest, offsetFetchResponse),
  findCoordinator: api("FIND_COORDINATOR", findCoordinatorRequest, findCoordinatorResponse),
  joinGroup: api("JOIN_GROUP", joinGroupRequest, joinGroupResponse),
  heartbeat: api("HEARTBEAT", heartbeatRequest, heartbeatResponse),
  leaveGroup: api("LEAVE_GROUP", leaveGroupRequest, leaveGroupResponse),
  syncGroup: api("SYNC_GROUP", syncGroupRequest, syncGroupResponse),
  describeGroups: api("DESCRIBE_GROUPS", describeGroupsRequest, describeGroupsResponse),
  listGroups: api("LIST_GROUPS", listGroupsRequest, listGroupsResponse),
  saslHandshake: api("SASL_HANDSHAKE", saslHandshakeRequest, saslHandshakeResponse),
  apiVersions: api("API_VERSIONS", apiVersionsRequest, apiVersionsResponse),
  createTopics: api("CREATE_TOPICS", createTopicsRequest, createTopicsResponse),
  deleteTopics: api("DELETE_TOPICS", deleteTopicsRequest, deleteTopicsResponse),
  deleteRecords: api("DELETE_RECORDS", deleteRecordsRequest, deleteRecordsResponse),
  initProducerId: api("INIT_PRODUCER_ID", initProducerIdRequest, initProducerIdResponse),
  offsetForLeaderEpoch: api("OFFSET_FOR_LEADER_EPOCH", offsetForLeaderEpochRequest, offsetForLeaderEpochResponse),
  addPartitionsToTxn: api("ADD_PARTITIONS_TO_TXN", addPartitionsToTxnRequest, addPartitionsToTxnResponse),
  addOffsetsToTxn: api("ADD_OFFSETS_TO_TXN", addOffsetsToTxnRequest, addOffsetsToTxnResponse),
  endTxn: api("END_TXN", endTxnRequest, endTxnResponse),
  writeTxnMarkers: api("WRITE_TXN_MARKERS", writeTxnMarkersRequest, writeTxnMarkersResponse),
  txnOffsetCommit: api("TXN_OFFSET_COMMIT", txnOffsetCommitRequest, txnOffsetCommitResponse),
  describeAcls: api("DESCRIBE_ACLS", describeAclsRequest, describeAclsResponse),
  createAcls: api("CREATE_ACLS", createAclsRequest, createAclsResponse),
  deleteAcls: api("DELETE_ACLS", deleteAclsRequest, deleteAclsResponse),
  describeConfigs: api("DESCRIBE_CONFIGS", describeConfigsRequest, describeConfigsResponse),
  alterConfigs: api("ALTER_CONFIGS", alterConfigsRequest, alterConfigsResponse),
  alterReplicaLogDirs: api("ALTER_REPLICA_LOG_DIRS", alterReplicaLogDirsRequest, alterReplicaLogDirsResponse),
  describeLogDirs: api("DESCRIBE_LOG_DIRS", describeLogDirsRequest, describeLogDirsResponse),
  saslAuthenticate: api("SASL_AUTHENTICATE", saslAuthenticateRequest, saslAuthenticateResponse),
  createPartitions: api("CREATE_PARTITIONS", createPartitionsRequest, createPartitionsResponse),
  createDelegationToken: api("CREATE_DELEGATION_TOKEN", createDelegationTokenRequest, createDelegationTokenResponse),
  renewDelegationToken: api("RENEW_DELEGATION_TOKEN", renewDelegationTokenRequest, renewDelegationTokenResponse),
  expireDelegationToken: api("EXPIRE_DELEGATION_TOKEN", expireDelegationTokenRequest, expireDelegationTokenResponse),
  describeDelegationToken: api(
    "DESCRIBE_DELEGATION_TOKEN",
    describeDelegationTokenRequest,
    describeDelegationTokenResponse,
  ),
  deleteGroups: api("DELETE_GROUPS", deleteGroupsRequest, deleteGroupsResponse),
  electLeaders: api("ELECT_LEADERS", electLeadersRequest, electLeadersResponse),
  incrementalAlterConfigs: api(
    "INCREMENTAL_ALTER_CONFIGS",
    incrementalAlterConfigsRequest,
    incrementalAlterConfigsResponse,
  ),
  alterPartitionReassignments: api(
    "ALTER_PARTITION_REASSIGNMENTS",
    alterPartitionReassignmentsRequest,
    alterPartitionReassignmentsResponse,
  ),
  listPartitionReassignments: api(
    "LIST_PARTITION_REASSIGNMENTS",
    listPartitionReassignmentsRequest,
    listPartitionReassignmentsResponse,
  ),
  offsetDelete: api("OFFSET_DELETE", offsetDeleteRequest, offsetDeleteResponse),
  describeClientQuotas: api("DESCRIBE_CLIENT_QUOTAS", describeClientQuotasRequest, describeClientQuotasResponse),
  alterClientQuotas: api("ALTER_CLIENT_QUOTAS", alterClientQuotasRequest, alterClientQuotasResponse),
  describeUserScramCredentials: api(
    "DESCRIBE_USER_SCRAM_CREDENTIALS",
    describeUserScramCredentialsRequest,
    describeUserScramCredentialsResponse,
  ),
  alterUserScramCredentials: api(
    "ALTER_USER_SCRAM_CREDENTIALS",
    alterUserScramCredentialsRequest,
    alterUserScramCredentialsResponse,
  ),
  describeQuorum: api("DESCRIBE_QUORUM", describeQuorumRequest, describeQuorumResponse),
  updateFeatures: api("UPDATE_FEATURES", updateFeaturesRequest, updateFeaturesResponse),
  describeCluster: api("DESCRIBE_CLUSTER", describeClusterRequest, describeClusterResponse),
  describeProducers: api("DESCRIBE_PRODUCERS", describeProducersRequest, describeProducersResponse),
  unregisterBroker: api("UNREGISTER_BROKER", unregisterBrokerRequest, unregisterBrokerResponse),
  describeTransactions: api("DESCRIBE_TRANSACTIONS", describeTransactionsRequest, describeTransactionsResponse),
  listTransactions: api("LIST_TRANSACTIONS", listTransactionsRequest, listTransactionsResponse),
  consumerGroupHeartbeat: api(
    "CONSUMER_GROUP_HEARTBEAT",
    consumerGroupHeartbeatRequest,
    consumerGroupHeartbeatResponse,
  ),
  consumerGroupDescribe: api("CONSUMER_GROUP_DESCRIBE", consumerGroupDescribeRequest, consumerGroupDescribeResponse),
  getTelemetrySubscriptions: api(
    "GET_TELEMETRY_SUBSCRIPTIONS",
    getTelemetrySubscriptionsRequest,
    getTelemetrySubscriptionsResponse,
  ),
  pushTelemetry: api("PUSH_TELEMETRY", pushTelemetryRequest, pushTelemetryResponse),
  listConfigResources: api("LIST_CONFIG_RESOURCES", listConfigResourcesRequest, listConfigResourcesResponse),
  describeTopicPartitions: api(
    "DESCRIBE_TOPIC_PARTITIONS",
    describeTopicPartitionsRequest,
    describeTopicPartitionsResponse,
  ),
  shareGroupHeartbeat: api("SHARE_GROUP_HEARTBEAT", shareGroupHeartbeatRequest, shareGroupHeartbeatResponse),
  shareGroupDescribe: api("SHARE_GROUP_DESCRIBE", shareGroupDescribeRequest, shareGroupDescribeResponse),
  shareFetch: api("SHARE_FETCH", shareFetchRequest, shareFetchResponse),
  shareAcknowledge: api("SHARE_ACKNOWLEDGE", shareAcknowledgeRequest, shareAcknowledgeResponse),
  addRaftVoter: api("ADD_RAFT_VOTER", addRaftVoterRequest, addRaftVoterResponse),
  removeRaftVoter: api("REMOVE_RAFT_VOTER", removeRaftVoterRequest, removeRaftVoterResponse),
  streamsGroupHeartbeat: api("STREAMS_GROUP_HEARTBEAT", streamsGroupHeartbeatRequest, streamsGroupHeartbeatResponse),
  streamsGroupDescribe: api("STREAMS_GROUP_DESCRIBE", streamsGroupDescribeRequest, streamsGroupDescribeResponse),
  describeShareGroupOffsets: api(
    "DESCRIBE_SHARE_GROUP_OFFSETS",
    describeShareGroupOffsetsRequest,
    describeShareGroupOffsetsResponse,
  ),
  alterShareGroupOffsets: api(
    "ALTER_SHARE_GROUP_OFFSETS",
    alterShareGroupOffsetsRequest,
    alterShareGroupOffsetsResponse,
  ),
  deleteShareGroupOffsets: api(
    "DELETE_SHARE_GROUP_OFFSETS",
    deleteShareGroupOffsetsRequest,
    deleteShareGroupOffsetsResponse,
  ),
};

const byKey = new Map<number, Api>(Object.values(apis).map((one) => [one.key, one as Api]));

/** The API with this key; undefined when it is not declared here. */
export function apiByKey(key: number): Api | undefined {
  return byKey.get(key);
}
