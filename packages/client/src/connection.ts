import type { Api, Input, Value } from "@ottla/protocol";

// biome-ignore lint/suspicious/noExplicitAny: stands for an API whatever its messages
export type AnyApi = Api<any, any>;
/** What is sent to an API. */
export type RequestOf<A extends AnyApi> = Input<A["request"]>;
/** What it answers. */
export type ResponseOf<A extends AnyApi> = Value<A["response"]>;
/** A request's body, or what makes it once the version is known. */
export type Body<A extends AnyApi> = RequestOf<A> | ((version: number) => RequestOf<A>);

/** A range of versions, both ends included. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

export interface RequestOptions {
  /** How long the answer may take, in milliseconds, from the call on. Default: `requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** Rejects the promise with the signal's reason; what was sent stays sent. */
  readonly signal?: AbortSignal | undefined;
  /** Versions below and above are not used, whatever the broker offers. */
  readonly minVersion?: number | undefined;
  readonly maxVersion?: number | undefined;
}

/** An answer and the version that request and answer were in. */
export interface Versioned<A extends AnyApi> {
  readonly response: ResponseOf<A>;
  readonly version: number;
  /** The node that answered; negative for a bootstrap address whose node is not known. */
  readonly nodeId: number;
}
