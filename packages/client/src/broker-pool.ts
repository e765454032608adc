import type { Logger, Runtime } from "@ottla/runtime";
import type { ClientSettings } from "./config.ts";
import type { AnyApi, Body, RequestOptions, ResponseOf, Versioned, VersionRange } from "./connection.ts";

/** A broker as metadata name it. */
export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** A node's id, or `"any"`: the broker with a connection and the least in work. */
export type Target = number | "any";

/** What a connection is for: requests of one connection are answered in order, so a long poll must not share one with heartbeats. */
export type Purpose = "default" | "fetch" | "coordinator";

export interface SendOptions extends RequestOptions {
  readonly purpose?: Purpose | undefined;
}

export interface BrokerPoolOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly config: ClientSettings;
}

/** One connection per node and purpose, made when first needed, made again after a back-off when it broke. */
export class BrokerPool {
  constructor(_options: BrokerPoolOptions) {}

  /**
   * Sends a request and resolves with the answer. Rejects with a `ConnectionError` (no connection, or it broke), a `TimeoutError`, an
   * `UnsupportedVersionError`, an `InvalidResponseError`, a `ClosedError`, or the signal's reason. Error codes inside the answer are the caller's.
   */
  send<A extends AnyApi>(_target: Target, _api: A, _body: Body<A>, _options?: SendOptions): Promise<ResponseOf<A>> {
    throw new Error("not yet");
  }

  /** Like `send`, for callers who have to know the version, or which node answered. */
  sendVersioned<A extends AnyApi>(
    _target: Target,
    _api: A,
    _body: Body<A>,
    _options?: SendOptions,
  ): Promise<Versioned<A>> {
    throw new Error("not yet");
  }

  /** The versions of an API that both sides know; null where there are none. Connects where there is no connection. */
  supports(_target: Target, _api: AnyApi, _signal?: AbortSignal): Promise<VersionRange | null> {
    throw new Error("not yet");
  }

  /** `broker 1 (localhost:9092)`, for messages. */
  describe(_nodeId: number): string {
    throw new Error("not yet");
  }

  /** Whether a connection to the node could not be made lately, so that it is in back-off now. */
  isUnavailable(_nodeId: number): boolean {
    throw new Error("not yet");
  }

  /** Takes over what metadata say about where the brokers are; connections to brokers that moved or left are closed. */
  updateBrokers(_brokers: readonly BrokerAddress[]): void {
    throw new Error("not yet");
  }

  /** Forgets the brokers and starts again from the bootstrap addresses. */
  rebootstrap(): void {
    throw new Error("not yet");
  }

  /** Closes every connection; requests in work reject with a `ClosedError`. */
  close(): void {
    throw new Error("not yet");
  }
}
