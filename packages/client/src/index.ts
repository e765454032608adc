export type { Address, ClientOptions, Options } from "./config.ts";
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
