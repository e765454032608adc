import type { Api, RequestInput, ResponseValue } from "@ottla/protocol";

/** Any API, whatever its messages. */
export type AnyApi = Api;
/** What is sent to an API. */
export type RequestOf<A extends AnyApi> = RequestInput<A>;
/** What it answers. */
export type ResponseOf<A extends AnyApi> = ResponseValue<A>;
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
export interface Answer<A extends AnyApi> {
  readonly response: ResponseOf<A>;
  readonly version: number;
}

/** An answer, its version and who gave it. */
export interface Versioned<A extends AnyApi> extends Answer<A> {
  /** The node that answered; negative for a bootstrap address whose node is not known. */
  readonly nodeId: number;
}
