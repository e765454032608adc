import { type Logger, nodeRuntime, type Runtime } from "@ottla/runtime";
import { BrokerPool } from "./broker-pool.ts";
import type { ClientSettings } from "./config.ts";
import type { Handshake } from "./connection.ts";
import { Metadata } from "./metadata.ts";
import { Coordinators, type RetryPolicy } from "./request.ts";

/** What Producer, Consumer and Admin each have one of: connections, metadata, coordinators, and how to retry. */
export interface ClientCore {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly config: ClientSettings;
  readonly pool: BrokerPool;
  readonly metadata: Metadata;
  /** Of groups. */
  readonly coordinators: Coordinators;
  /** A retry policy of the client's settings, that ends `timeoutMs` from now. */
  retryPolicy(timeoutMs: number, signal?: AbortSignal): RetryPolicy;
  /** Closes the connections and ends what waits; a second call does nothing. */
  close(): void;
}

export interface ClientCoreOptions {
  /** Whether asking for a topic may create it. Default true. */
  readonly allowAutoTopicCreation?: boolean | undefined;
  /** Done on every new connection: the place of SASL. */
  readonly handshake?: Handshake | undefined;
}

/** Makes the parts; connects to nothing yet. */
export function createClientCore(config: ClientSettings, options: ClientCoreOptions = {}): ClientCore {
  const { logger } = config;
  const runtime = config.runtime ?? nodeRuntime();
  const pool = new BrokerPool({ runtime, logger, config, handshake: options.handshake });
  const { allowAutoTopicCreation } = options;
  const metadata = new Metadata({ runtime, logger, config, pool, allowAutoTopicCreation });
  return {
    ...{ runtime, logger, config, pool, metadata },
    coordinators: new Coordinators(pool),
    retryPolicy: (timeoutMs, signal) => ({
      clock: runtime.clock,
      random: runtime.random,
      retryBackoffMs: config.retryBackoffMs,
      retryBackoffMaxMs: config.retryBackoffMaxMs,
      deadline: runtime.clock.monotonic() + timeoutMs,
      signal,
    }),
    close: () => {
      metadata.close();
      pool.close();
    },
  };
}
