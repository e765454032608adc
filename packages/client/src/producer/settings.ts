import type { Codec } from "@ottla/protocol";
import {
  boolean,
  clientSettings,
  custom,
  integer,
  long,
  type Options,
  oneOf,
  type Settings,
  type SettingTable,
  validate,
  wrongSetting,
} from "../config.ts";
import { ConfigError } from "../errors.ts";
import { type Serializer, stringOrBytes } from "../serde.ts";
import type { Partitioner } from "./partitioner.ts";

/** The producer's settings, beside those that all clients have. */
export const producerSettings = {
  ...clientSettings,
  /** Who has to have a record before it counts as sent: `"all"` in-sync replicas (or -1), 1 for the leader alone, 0 for nobody. Default `"all"`. */
  acks: oneOf(["all", -1, 0, 1], "all"),
  /** The bytes that a batch may take (`batch.size`); 0 sends each record alone. Default 16,384. */
  batchSize: integer(16_384, 0),
  /** The bytes that records may take until they are sent and answered; beyond it `send` waits, up to `maxBlockMs`. Default 33,554,432. */
  bufferMemory: long(33_554_432, 0),
  /** How batches are compressed (`compression.type`). Default `"none"`. */
  compression: oneOf<Codec>(["none", "gzip", "snappy", "lz4", "zstd"], "none"),
  /** 1 (fast) to 9 (small), or -1 for gzip's own default. Default -1. */
  compressionGzipLevel: custom("a whole number from 1 to 9, or -1", -1, (value: number) =>
    value === -1 || (Number.isInteger(value) && value >= 1 && value <= 9) ? value : undefined,
  ),
  /** -131072 (fast) to 22 (small). Default 3. */
  compressionZstdLevel: integer(3, -131_072, 22),
  /** How long a record may take from `send` until it is acknowledged, retries included. Default 120,000; at least `lingerMs` + `requestTimeoutMs`. */
  deliveryTimeoutMs: integer(120_000, 0),
  /** Whether the broker refuses what it already has, so that retries neither double nor reorder records (KIP-98). Default true, unless `acks`, `retries` or `maxInFlight` rule it out. */
  enableIdempotence: boolean(true),
  /**
   * How long a record waits for others to share its batch, in milliseconds; those of a `sendAll` do not wait. A `send` that is awaited before the next one takes at least that long, as with Kafka's own client: send
   * without awaiting each, use `sendAll`, or set it to 0. Default 5, as in Kafka 4.
   */
  lingerMs: long(5, 0),
  /** How long `send` may wait for metadata or for `bufferMemory`. Default 60,000. */
  maxBlockMs: long(60_000, 0),
  /** Requests that a broker may have at a time (`max.in.flight.requests.per.connection`). Default 5. */
  maxInFlight: integer(5, 1),
  /** The bytes that a request, and so a record, may take, before compression. Default 1,048,576. */
  maxRequestSize: integer(1_048_576, 0),
  /** Topics that were not sent to for so long are forgotten. Default 300,000. */
  metadataMaxIdleMs: long(300_000, 5_000),
  /** Whether records without a key go rather to partitions that have less waiting (KIP-794). Default true. */
  partitionerAdaptivePartitioningEnable: boolean(true),
  /** Whether records with a key are spread like those without. Default false. */
  partitionerIgnoreKeys: boolean(false),
  /** How often a record is tried again, within `deliveryTimeoutMs`. Default 2,147,483,647. */
  retries: integer(2_147_483_647, 0),
  /** Turns keys into bytes. Default: strings and bytes as they are. */
  key: serializer("key"),
  /** Turns values into bytes. Default: strings and bytes as they are. */
  value: serializer("value"),
  /** Says where a record without a `partition` goes. Default: Java's (murmur2 of the key, sticky without one). */
  partitioner: custom<Partitioner<unknown, unknown> | null>("a function", null, (value) =>
    value === null || typeof value === "function" ? value : undefined,
  ),
} satisfies SettingTable;

export type ProducerSettings = Settings<typeof producerSettings>;

/** What `new Producer` takes: Kafka's names in camelCase, less `compression` (`compression.type`), `maxInFlight`, `key`, `value` and `partitioner`. */
export type ProducerOptions<K, V> = Omit<Options<typeof producerSettings>, "key" | "value" | "partitioner"> & {
  readonly key?: Serializer<K> | undefined;
  readonly value?: Serializer<V> | undefined;
  readonly partitioner?: Partitioner<K, V> | undefined;
};

/** Kafka's names for what is called otherwise here, or is not here. */
const elsewhere = {
  compressionType: "it is called compression",
  compressionLz4Level: "lz4 has one level here",
  maxInFlightRequestsPerConnection: "it is called maxInFlight",
  keySerializer: "it is called key",
  valueSerializer: "it is called value",
  partitionerClass: "it is called partitioner",
  transactionalId: "the producer has no transactions yet",
  transactionTimeoutMs: "the producer has no transactions yet",
};

function serializer(part: string) {
  return custom<Serializer<unknown>>(`a serializer of ${part}s, with a method serialize`, stringOrBytes, (value) =>
    typeof value?.serialize === "function" ? value : undefined,
  );
}

/** Validates the settings of a producer, one by one and against each other. Throws a `ConfigError`. */
export function producerConfig<K, V>(options: ProducerOptions<K, V>): ProducerSettings {
  const given = options as Options<typeof producerSettings>;
  const settings = validate("Producer", producerSettings, given, elsewhere);
  const deliveryTimeoutMs = checkDeliveryTimeout(settings, given.deliveryTimeoutMs !== undefined);
  const enableIdempotence = checkIdempotence(settings, given.enableIdempotence === true);
  return { ...settings, deliveryTimeoutMs, enableIdempotence };
}

function checkDeliveryTimeout(settings: ProducerSettings, isGiven: boolean): number {
  const { deliveryTimeoutMs, lingerMs, requestTimeoutMs } = settings;
  const least = Math.min(lingerMs + requestTimeoutMs, 2_147_483_647);
  if (deliveryTimeoutMs >= least) return deliveryTimeoutMs;
  if (!isGiven) return least;
  const allowed = `at least lingerMs + requestTimeoutMs, which is ${least}`;
  throw wrongSetting("Producer", "deliveryTimeoutMs", deliveryTimeoutMs, allowed);
}

/** What rules idempotence out is an error only where a program asks for it by name; else there is none, as in Kafka. */
function checkIdempotence(settings: ProducerSettings, isAskedFor: boolean): boolean {
  const { acks, retries, maxInFlight, enableIdempotence } = settings;
  if (!enableIdempotence) return false;
  const hindrance =
    acks !== "all" && acks !== -1
      ? `acks "all", but acks is ${JSON.stringify(acks)}`
      : retries === 0
        ? "retries, but retries is 0"
        : maxInFlight > 5
          ? `maxInFlight of 5 at most, but maxInFlight is ${maxInFlight}`
          : null;
  if (hindrance === null) return true;
  if (!isAskedFor) return false;
  throw new ConfigError(`Producer setting enableIdempotence is true, which needs ${hindrance}`, "enableIdempotence");
}

/** The compression level for the codec; undefined for the codec's own. */
export function compressionLevel(settings: ProducerSettings): number | undefined {
  if (settings.compression === "zstd") return settings.compressionZstdLevel;
  const { compression, compressionGzipLevel } = settings;
  return compression === "gzip" && compressionGzipLevel !== -1 ? compressionGzipLevel : undefined;
}
