export { Admin } from "./admin/admin.ts";
export type { AdminOptions } from "./admin/admin-config.ts";
export { AdminError, AdminTimeoutError, type ItemResult, settle } from "./admin/admin-errors.ts";
export type { CallOptions } from "./admin/call.ts";
export type {
  BrokerLogDirs,
  ClusterBroker,
  ClusterDescription,
  ClusterNode,
  DescribeClusterOptions,
  ElectedLeader,
  ElectionType,
  LogDir,
  LogDirReplica,
  PartitionReassignment,
} from "./admin/cluster.ts";
export type {
  AlterConfigsOptions,
  AlterConfigsResource,
  ConfigChange,
  ConfigDescription,
  ConfigEntry,
  ConfigResource,
  ConfigSynonym,
  DescribeConfigsOptions,
  DescribeConfigsResource,
} from "./admin/configs.ts";
export type { DescribeGroupsOptions, GroupDescription, MemberDescription } from "./admin/describe-groups.ts";
export type {
  DescribeTopicsOptions,
  ListTopicsOptions,
  PartitionDescription,
  TopicDescription,
  TopicListing,
} from "./admin/describe-topics.ts";
export type {
  DescribeFeaturesOptions,
  FeatureMetadata,
  FinalizedFeature,
  SupportedFeature,
} from "./admin/features.ts";
export type { GroupLagOptions, GroupMember, PartitionLag } from "./admin/group-lag.ts";
export type { CommittedOffset, ListGroupOffsetsOptions } from "./admin/group-offsets.ts";
export type { GroupListing, ListGroupsOptions, MemberToRemove, RemoveMembersOptions } from "./admin/groups.ts";
export type {
  DeletedRecords,
  DescribeProducersOptions,
  IsolationLevel,
  ListedOffset,
  ListOffsetsOptions,
  OffsetQuery,
  OffsetSpec,
  PartitionProducers,
  ProducerState,
  RecordsToDelete,
} from "./admin/records.ts";
export type {
  CreatedTopic,
  CreatePartitionsOptions,
  CreateTopicsOptions,
  DeleteTopicsOptions,
  NewPartitions,
  NewTopic,
  TopicSelector,
} from "./admin/topics.ts";
export type { ConfigResourceType, ConfigSource, ConfigType, GroupState, GroupType } from "./admin/wire-names.ts";
export type { Address, ClientOptions, Options } from "./config.ts";
export type {
  Assignor,
  AssignorMember,
  AssignorTopics,
  MemberAssignment,
  RebalanceProtocol,
  SubscriptionContext,
} from "./consumer/assignors/assignor.ts";
export { cooperativeSticky } from "./consumer/assignors/cooperative-sticky.ts";
export { range } from "./consumer/assignors/range.ts";
export { roundRobin } from "./consumer/assignors/round-robin.ts";
export { sticky } from "./consumer/assignors/sticky.ts";
export type { Batch, Message } from "./consumer/batch.ts";
export { Consumer } from "./consumer/consumer.ts";
export type { ConsumerOptions } from "./consumer/consumer-config.ts";
export {
  CommitFailedError,
  CorruptPartitionError,
  LogTruncationError,
  NoOffsetForPartitionError,
  PositionOutOfRangeError,
  RebalanceListenerError,
  RecordDeserializationError,
} from "./consumer/consumer-errors.ts";
export type { ConsumerEvents, PollTimeoutReport } from "./consumer/consumer-events.ts";
export type {
  CommitCallback,
  CommittedPosition,
  ConsumerCallOptions,
  ConsumerLag,
  GroupMetadata,
  OffsetForTime,
  TopicPartitionTimestamp,
} from "./consumer/consumer-types.ts";
export type { RebalanceListener } from "./consumer/group-membership.ts";
export type { IterationOptions } from "./consumer/iteration.ts";
export type { AutoOffsetReset } from "./consumer/offset-reset.ts";
export type { MessageHeader } from "./consumer/record-headers.ts";
export { SubscriptionPattern } from "./consumer/subscription-pattern.ts";
export type { TopicPartition, TopicPartitionOffset } from "./consumer/topic-partition.ts";
export * from "./errors.ts";
export type { Partitioner, PartitionerInput } from "./producer/partitioner.ts";
export {
  type BatchReport,
  Producer,
  type ProducerEvents,
  type SendOptions,
} from "./producer/producer.ts";
export type { HeadersInput, HeaderValue, ProducerRecord, RecordMetadata } from "./producer/record.ts";
export { SendAllError } from "./producer/send-group.ts";
export type { ProducerOptions } from "./producer/settings.ts";
export * from "./serde.ts";
