import type { Logger, Runtime } from "@ottla/runtime";
import type { BrokerPool } from "./broker-pool.ts";
import type { ClientSettings } from "./config.ts";
import type { Metadata } from "./metadata.ts";
import type { Coordinators, RetryPolicy } from "./request.ts";

/** What Producer, Consumer and Admin each have one of: connections, metadata, coordinators, and how to retry. */
export interface ClientCore {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly config: ClientSettings;
  readonly pool: BrokerPool;
  readonly metadata: Metadata;
  readonly coordinators: Coordinators;
  /** A retry policy of the client's settings; `timeoutMs` from now. */
  retryPolicy(timeoutMs: number, signal?: AbortSignal): RetryPolicy;
  close(): void;
}

/** Makes the parts; connects to nothing yet. */
export function createClientCore(_config: ClientSettings, _options?: { allowAutoTopicCreation?: boolean }): ClientCore {
  throw new Error("not yet");
}
