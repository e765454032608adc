/** An error code of Kafka's protocol: an int16. */
export type ErrorCode = number;

const retriable = 1;
/** The client's picture of the cluster is out of date: it should fetch metadata before it tries again. */
const refreshes = 2;

/** All codes: the only place that knows them. The words are about what the code says, not what a caller was doing. */
const table = {
  UNKNOWN_SERVER_ERROR: [-1, 0, "the broker met an error that it has no code for"],
  NONE: [0, 0, "no error"],
  OFFSET_OUT_OF_RANGE: [1, 0, "the offset is outside of what the partition holds"],
  CORRUPT_MESSAGE: [2, retriable, "a record batch does not match its checksum or is not well-formed"],
  UNKNOWN_TOPIC_OR_PARTITION: [3, retriable | refreshes, "the broker does not have this topic or partition"],
  INVALID_FETCH_SIZE: [4, 0, "the number of bytes to fetch makes no sense"],
  LEADER_NOT_AVAILABLE: [5, retriable | refreshes, "the partition has no leader at the moment"],
  NOT_LEADER_OR_FOLLOWER: [6, retriable | refreshes, "the broker does not lead (or hold) this partition"],
  REQUEST_TIMED_OUT: [7, retriable, "the broker could not finish within the request's time"],
  BROKER_NOT_AVAILABLE: [8, 0, "the broker is not available"],
  REPLICA_NOT_AVAILABLE: [9, retriable | refreshes, "the replica is not available on this broker"],
  MESSAGE_TOO_LARGE: [10, 0, "a record batch is larger than the topic's max.message.bytes"],
  STALE_CONTROLLER_EPOCH: [11, 0, "the request comes from a controller that has been replaced"],
  OFFSET_METADATA_TOO_LARGE: [12, 0, "the metadata of a committed offset is too long"],
  NETWORK_EXCEPTION: [13, retriable | refreshes, "the connection was lost before the answer came"],
  COORDINATOR_LOAD_IN_PROGRESS: [14, retriable, "the coordinator is still loading its state"],
  COORDINATOR_NOT_AVAILABLE: [15, retriable, "there is no coordinator at the moment"],
  NOT_COORDINATOR: [16, retriable, "the broker is not the coordinator of this group or transactional id"],
  INVALID_TOPIC_EXCEPTION: [17, 0, "the topic's name is not valid, or the topic is reserved"],
  RECORD_LIST_TOO_LARGE: [18, 0, "the batches together are larger than a segment may be"],
  NOT_ENOUGH_REPLICAS: [
    19,
    retriable,
    "fewer replicas are in sync than min.insync.replicas asks for; nothing was written",
  ],
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: [20, retriable, "written, but to fewer replicas than min.insync.replicas asks for"],
  INVALID_REQUIRED_ACKS: [21, 0, "acks must be -1, 0 or 1"],
  ILLEGAL_GENERATION: [22, 0, "the generation is not the group's current one"],
  INCONSISTENT_GROUP_PROTOCOL: [23, 0, "the member has no protocol or protocol type in common with the group"],
  INVALID_GROUP_ID: [24, 0, "the group id is not valid"],
  UNKNOWN_MEMBER_ID: [25, 0, "the coordinator does not know this member of the group"],
  INVALID_SESSION_TIMEOUT: [26, 0, "the session timeout is outside of what the broker allows"],
  REBALANCE_IN_PROGRESS: [27, 0, "the group is rebalancing: the member has to rejoin"],
  INVALID_COMMIT_OFFSET_SIZE: [28, 0, "the commit is too large"],
  TOPIC_AUTHORIZATION_FAILED: [29, 0, "not allowed for this topic"],
  GROUP_AUTHORIZATION_FAILED: [30, 0, "not allowed for this group"],
  CLUSTER_AUTHORIZATION_FAILED: [31, 0, "not allowed for the cluster"],
  INVALID_TIMESTAMP: [32, 0, "a record's timestamp is too far from the broker's clock"],
  UNSUPPORTED_SASL_MECHANISM: [33, 0, "the broker does not offer this SASL mechanism"],
  ILLEGAL_SASL_STATE: [34, 0, "the request does not fit the state of the SASL exchange"],
  UNSUPPORTED_VERSION: [35, 0, "the broker does not serve this version of the API"],
  TOPIC_ALREADY_EXISTS: [36, 0, "a topic of this name exists already"],
  INVALID_PARTITIONS: [37, 0, "the number of partitions is not valid"],
  INVALID_REPLICATION_FACTOR: [38, 0, "the replication factor is below 1 or above the number of brokers"],
  INVALID_REPLICA_ASSIGNMENT: [39, 0, "the assignment of replicas is not valid"],
  INVALID_CONFIG: [40, 0, "a setting is unknown or its value is not valid"],
  NOT_CONTROLLER: [41, retriable, "the broker is not the controller"],
  INVALID_REQUEST: [42, 0, "the request contradicts itself or is not well-formed"],
  UNSUPPORTED_FOR_MESSAGE_FORMAT: [43, 0, "the log's record format does not support this"],
  POLICY_VIOLATION: [44, 0, "a policy of the cluster forbids this"],
  OUT_OF_ORDER_SEQUENCE_NUMBER: [45, 0, "the producer's sequence numbers leave a gap"],
  DUPLICATE_SEQUENCE_NUMBER: [46, 0, "a batch with this sequence number was written before"],
  INVALID_PRODUCER_EPOCH: [47, 0, "the producer's epoch is older than the one in use"],
  INVALID_TXN_STATE: [48, 0, "the transaction is in a state that does not allow this"],
  INVALID_PRODUCER_ID_MAPPING: [49, 0, "the producer id does not belong to this transactional id"],
  INVALID_TRANSACTION_TIMEOUT: [50, 0, "the transaction timeout is larger than the broker allows"],
  CONCURRENT_TRANSACTIONS: [51, retriable, "an earlier transaction of this producer is still being completed"],
  TRANSACTION_COORDINATOR_FENCED: [52, 0, "the transaction coordinator has been replaced"],
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: [53, 0, "not allowed for this transactional id"],
  SECURITY_DISABLED: [54, 0, "security features are not enabled on the broker"],
  OPERATION_NOT_ATTEMPTED: [55, 0, "not tried, since another part of the request failed"],
  KAFKA_STORAGE_ERROR: [56, retriable | refreshes, "the broker cannot read or write the partition's log"],
  LOG_DIR_NOT_FOUND: [57, 0, "the broker has no such log directory"],
  SASL_AUTHENTICATION_FAILED: [58, 0, "authentication failed"],
  UNKNOWN_PRODUCER_ID: [59, 0, "the partition does not know this producer id any more"],
  REASSIGNMENT_IN_PROGRESS: [60, 0, "the partition is being moved"],
  DELEGATION_TOKEN_AUTH_DISABLED: [61, 0, "delegation tokens are not enabled"],
  DELEGATION_TOKEN_NOT_FOUND: [62, 0, "there is no such delegation token"],
  DELEGATION_TOKEN_OWNER_MISMATCH: [63, 0, "the delegation token belongs to somebody else"],
  DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: [64, 0, "delegation tokens cannot be asked for on this connection"],
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: [65, 0, "not allowed for this delegation token"],
  DELEGATION_TOKEN_EXPIRED: [66, 0, "the delegation token has expired"],
  INVALID_PRINCIPAL_TYPE: [67, 0, "the type of the principal is not supported"],
  NON_EMPTY_GROUP: [68, 0, "the group has members"],
  GROUP_ID_NOT_FOUND: [69, 0, "there is no such group"],
  FETCH_SESSION_ID_NOT_FOUND: [70, retriable, "the broker does not know this fetch session"],
  INVALID_FETCH_SESSION_EPOCH: [71, retriable, "the epoch of the fetch session is not the expected one"],
  LISTENER_NOT_FOUND: [72, retriable | refreshes, "the leader has no listener like the one that was asked"],
  TOPIC_DELETION_DISABLED: [73, 0, "the broker does not allow topics to be deleted"],
  FENCED_LEADER_EPOCH: [74, retriable | refreshes, "the leader epoch is older than the broker's"],
  UNKNOWN_LEADER_EPOCH: [75, retriable, "the leader epoch is newer than the broker's"],
  UNSUPPORTED_COMPRESSION_TYPE: [76, 0, "the API version does not allow this compression"],
  STALE_BROKER_EPOCH: [77, 0, "the broker has been registered anew since"],
  OFFSET_NOT_AVAILABLE: [78, retriable, "the leader does not know its high watermark yet"],
  MEMBER_ID_REQUIRED: [79, 0, "the member has to join again, with the member id given"],
  PREFERRED_LEADER_NOT_AVAILABLE: [80, retriable | refreshes, "the preferred leader is not available"],
  GROUP_MAX_SIZE_REACHED: [81, 0, "the group has as many members as the broker allows"],
  FENCED_INSTANCE_ID: [82, 0, "another member has taken over this group instance id"],
  ELIGIBLE_LEADERS_NOT_AVAILABLE: [83, retriable | refreshes, "no replica may become leader"],
  ELECTION_NOT_NEEDED: [84, retriable | refreshes, "the partition has the leader that it should have"],
  NO_REASSIGNMENT_IN_PROGRESS: [85, 0, "the partition is not being moved"],
  GROUP_SUBSCRIBED_TO_TOPIC: [86, 0, "the group is subscribed to the topic"],
  INVALID_RECORD: [87, 0, "a record or batch breaks a rule of the topic or the protocol"],
  UNSTABLE_OFFSET_COMMIT: [88, retriable, "offsets of an open transaction are pending"],
  THROTTLING_QUOTA_EXCEEDED: [89, retriable, "a quota has been used up; try again after the throttle time"],
  PRODUCER_FENCED: [90, 0, "a newer producer uses this transactional id"],
  RESOURCE_NOT_FOUND: [91, 0, "there is no such resource"],
  DUPLICATE_RESOURCE: [92, 0, "the request names a resource twice"],
  UNACCEPTABLE_CREDENTIAL: [93, 0, "the credential does not meet the requirements"],
  INCONSISTENT_VOTER_SET: [94, 0, "sender and receiver disagree about who the voters are"],
  INVALID_UPDATE_VERSION: [95, 0, "the version to update from is not the current one"],
  FEATURE_UPDATE_FAILED: [96, 0, "features could not be updated"],
  PRINCIPAL_DESERIALIZATION_FAILURE: [97, 0, "the forwarded principal could not be read"],
  SNAPSHOT_NOT_FOUND: [98, 0, "there is no such snapshot"],
  POSITION_OUT_OF_RANGE: [99, 0, "the position is outside of the snapshot"],
  UNKNOWN_TOPIC_ID: [100, retriable | refreshes, "the broker does not know a topic with this id"],
  DUPLICATE_BROKER_REGISTRATION: [101, 0, "a broker with this id is already registered"],
  BROKER_ID_NOT_REGISTERED: [102, 0, "no broker with this id is registered"],
  INCONSISTENT_TOPIC_ID: [103, retriable | refreshes, "the topic's id is not the one in the log"],
  INCONSISTENT_CLUSTER_ID: [104, 0, "the request is for another cluster"],
  TRANSACTIONAL_ID_NOT_FOUND: [105, 0, "there is no such transactional id"],
  FETCH_SESSION_TOPIC_ID_ERROR: [106, retriable, "the fetch session mixes topics with and without ids"],
  INELIGIBLE_REPLICA: [107, 0, "the replica may not join those in sync"],
  NEW_LEADER_ELECTED: [108, 0, "the change has made another replica leader"],
  OFFSET_MOVED_TO_TIERED_STORAGE: [109, 0, "the offset lies in tiered storage"],
  FENCED_MEMBER_EPOCH: [110, 0, "the member's epoch is not the coordinator's: it has to rejoin"],
  UNRELEASED_INSTANCE_ID: [111, 0, "the group instance id is still used by another member"],
  UNSUPPORTED_ASSIGNOR: [112, 0, "the group coordinator does not have this assignor"],
  STALE_MEMBER_EPOCH: [113, 0, "the member's epoch is out of date: try again after the next heartbeat"],
  MISMATCHED_ENDPOINT_TYPE: [114, 0, "the request was meant for a controller and met a broker, or the other way round"],
  UNSUPPORTED_ENDPOINT_TYPE: [115, 0, "this type of endpoint is not supported"],
  UNKNOWN_CONTROLLER_ID: [116, 0, "the controller's id is not known"],
  UNKNOWN_SUBSCRIPTION_ID: [117, 0, "the telemetry subscription is out of date"],
  TELEMETRY_TOO_LARGE: [118, 0, "more telemetry was pushed than the broker takes"],
  INVALID_REGISTRATION: [119, 0, "the controller does not accept this broker's registration"],
  TRANSACTION_ABORTABLE: [120, 0, "the transaction has to be aborted; the producer can go on"],
  INVALID_RECORD_STATE: [121, 0, "the record is not in a state that allows the acknowledgement"],
  SHARE_SESSION_NOT_FOUND: [122, retriable, "the broker does not know this share session"],
  INVALID_SHARE_SESSION_EPOCH: [123, retriable, "the epoch of the share session is not the expected one"],
  FENCED_STATE_EPOCH: [124, 0, "the share coordinator's state is newer"],
  INVALID_VOTER_KEY: [125, 0, "the voter's key is not the receiver's"],
  DUPLICATE_VOTER: [126, 0, "the voter is already one"],
  VOTER_NOT_FOUND: [127, 0, "there is no such voter"],
  INVALID_REGULAR_EXPRESSION: [128, 0, "the regular expression is not valid"],
  REBOOTSTRAP_REQUIRED: [129, 0, "the client has to begin again from its bootstrap servers"],
  STREAMS_INVALID_TOPOLOGY: [130, 0, "the topology is not valid"],
  STREAMS_INVALID_TOPOLOGY_EPOCH: [131, 0, "the topology's epoch is not valid"],
  STREAMS_TOPOLOGY_FENCED: [132, 0, "the topology's epoch is out of date"],
  SHARE_SESSION_LIMIT_REACHED: [133, retriable, "the broker has as many share sessions as it allows"],
} as const satisfies Record<string, readonly [code: number, flags: number, words: string]>;

/** Kafka's name of an error code. */
export type ErrorName = keyof typeof table;

interface ErrorFacts {
  readonly name: ErrorName;
  readonly flags: number;
  readonly words: string;
}

const facts = new Map<ErrorCode, ErrorFacts>();
const codes: Record<string, ErrorCode> = {};
for (const [name, [code, flags, words]] of Object.entries(table)) {
  facts.set(code, { name: name as ErrorName, flags, words });
  codes[name] = code;
}

/** Every error code by Kafka's name: `errorCodes.NOT_COORDINATOR` is 16. */
export const errorCodes = codes as { readonly [N in ErrorName]: (typeof table)[N][0] };

/** Kafka's name of a code; `UNKNOWN_ERROR_CODE_<n>` for one that this version of Ottla has not heard of. */
export function errorName(code: ErrorCode): ErrorName | `UNKNOWN_ERROR_CODE_${number}` {
  return facts.get(code)?.name ?? `UNKNOWN_ERROR_CODE_${code}`;
}

/** Whether the same request may succeed when it is sent again. Unknown codes are not retriable. */
export function isRetriable(code: ErrorCode): boolean {
  return ((facts.get(code)?.flags ?? 0) & retriable) !== 0;
}

/** Whether the code says that the client's metadata is out of date. */
export function refreshesMetadata(code: ErrorCode): boolean {
  return ((facts.get(code)?.flags ?? 0) & refreshes) !== 0;
}

/** What a code means, as a part of a sentence. */
export function errorMessage(code: ErrorCode): string {
  return facts.get(code)?.words ?? `error code ${code}, which is not known here`;
}
