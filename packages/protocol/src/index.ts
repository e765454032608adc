export * from "./api.ts";
export * from "./codec.ts";
export * from "./defaults.ts";
export * from "./error-codes.ts";
export * from "./errors.ts";
export * from "./frame.ts";
export * from "./frame-splitter.ts";
export * from "./header.ts";
export * from "./interpret.ts";
export * from "./messages/add-offsets-to-txn.ts";
export * from "./messages/add-partitions-to-txn.ts";
export * from "./messages/add-raft-voter.ts";
export * from "./messages/alter-client-quotas.ts";
export * from "./messages/alter-configs.ts";
export * from "./messages/alter-partition-reassignments.ts";
export * from "./messages/alter-replica-log-dirs.ts";
export * from "./messages/alter-share-group-offsets.ts";
export * from "./messages/alter-user-scram-credentials.ts";
export * from "./messages/api-versions.ts";
export * from "./messages/consumer-group-describe.ts";
export * from "./messages/consumer-group-heartbeat.ts";
export * from "./messages/create-acls.ts";
export * from "./messages/create-delegation-token.ts";
export * from "./messages/create-partitions.ts";
export * from "./messages/create-topics.ts";
export * from "./messages/delete-acls.ts";
export * from "./messages/delete-groups.ts";
export * from "./messages/delete-records.ts";
export * from "./messages/delete-share-group-offsets.ts";
export * from "./messages/delete-topics.ts";
export * from "./messages/describe-acls.ts";
export * from "./messages/describe-client-quotas.ts";
export * from "./messages/describe-cluster.ts";
export * from "./messages/describe-configs.ts";
export * from "./messages/describe-delegation-token.ts";
export * from "./messages/describe-groups.ts";
export * from "./messages/describe-log-dirs.ts";
export * from "./messages/describe-producers.ts";
export * from "./messages/describe-quorum.ts";
export * from "./messages/describe-share-group-offsets.ts";
export * from "./messages/describe-topic-partitions.ts";
export * from "./messages/describe-transactions.ts";
export * from "./messages/describe-user-scram-credentials.ts";
export * from "./messages/elect-leaders.ts";
export * from "./messages/end-txn.ts";
export * from "./messages/expire-delegation-token.ts";
export * from "./messages/fetch.ts";
export * from "./messages/find-coordinator.ts";
export * from "./messages/get-telemetry-subscriptions.ts";
export * from "./messages/heartbeat.ts";
export * from "./messages/incremental-alter-configs.ts";
export * from "./messages/index.ts";
export * from "./messages/init-producer-id.ts";
export * from "./messages/join-group.ts";
export * from "./messages/leave-group.ts";
export * from "./messages/list-config-resources.ts";
export * from "./messages/list-groups.ts";
export * from "./messages/list-offsets.ts";
export * from "./messages/list-partition-reassignments.ts";
export * from "./messages/list-transactions.ts";
export * from "./messages/metadata.ts";
export * from "./messages/offset-commit.ts";
export * from "./messages/offset-delete.ts";
export * from "./messages/offset-fetch.ts";
export * from "./messages/offset-for-leader-epoch.ts";
export * from "./messages/produce.ts";
export * from "./messages/push-telemetry.ts";
export * from "./messages/remove-raft-voter.ts";
export * from "./messages/renew-delegation-token.ts";
export * from "./messages/sasl-authenticate.ts";
export * from "./messages/sasl-handshake.ts";
export * from "./messages/share-acknowledge.ts";
export * from "./messages/share-fetch.ts";
export * from "./messages/share-group-describe.ts";
export * from "./messages/share-group-heartbeat.ts";
export * from "./messages/streams-group-describe.ts";
export * from "./messages/streams-group-heartbeat.ts";
export * from "./messages/sync-group.ts";
export * from "./messages/txn-offset-commit.ts";
export * from "./messages/unregister-broker.ts";
export * from "./messages/update-features.ts";
export * from "./messages/write-txn-markers.ts";
export * from "./murmur2.ts";
export * from "./reader.ts";
export * from "./records/batch-builder.ts";
export * from "./records/batch-view.ts";
export * from "./records/batches.ts";
export * from "./records/codecs.ts";
export * from "./records/compression.ts";
export * from "./records/control.ts";
export { crc32c } from "./records/crc32c.ts";
export {
  CodecUnavailableError,
  CorruptBatchError,
  type CorruptBatchKind,
  CorruptRecordError,
} from "./records/errors.ts";
export * from "./records/record-iterator.ts";
export type {
  Field,
  FieldKind,
  FieldOptions,
  Fields,
  Input,
  Message,
  StructInput,
  StructValue,
  Value,
} from "./schema.ts";
export * from "./stored/cluster-metadata.ts";
export * from "./stored/consumer-group.ts";
export * from "./stored/consumer-protocol.ts";
export * from "./stored/end-txn-marker.ts";
export * from "./stored/group-metadata.ts";
export * from "./stored/offset-commit.ts";
export * from "./stored/producer-snapshot.ts";
export * from "./stored/stored.ts";
export * from "./stored/transaction-log.ts";
export * from "./writer.ts";
