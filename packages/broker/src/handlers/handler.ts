import type { AnyApi, Input, Value } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";

/** A body that answers at once or later; null where the request gets no answer (acks=0). */
export type Answer<Body> = Body | null | Promise<Body | null>;

/** How one API is served. */
export interface Handler {
  readonly api: AnyApi;
  /** First and last version that is announced. */
  readonly versions: readonly [first: number, last: number];
  /** Versions below this one are announced and refused nevertheless (Produce, KIP-896). */
  readonly firstServed: number;
  /**
   * Answers one request. Everything expected is an error code in the answer; a throw is a bug, and closes the connection.
   * `throttleTimeMs` need not be set: dispatch does that for every answer.
   */
  handle(request: unknown, context: RequestContext): Answer<unknown>;
}

/** Makes a `Handler` whose function sees the request and the answer in the API's own types. */
export function handler<A extends AnyApi>(
  api: A,
  versions: readonly [first: number, last: number],
  handle: (request: Value<A["request"]>, context: RequestContext) => Answer<Input<A["response"]>>,
  options: { readonly firstServed?: number } = {},
): Handler {
  return {
    api,
    versions,
    firstServed: options.firstServed ?? versions[0],
    handle: handle as (request: unknown, context: RequestContext) => Answer<unknown>,
  };
}

/** A request that can only be answered by closing the connection, as Kafka does; the message is logged. */
export class CloseConnectionError extends Error {
  override readonly name = "CloseConnectionError";
}
