import type { Api, RequestValue, ResponseInput } from "@ottla/protocol";
import type { RequestContext } from "../context.ts";

/** A body that answers at once or later; null where the request gets no answer (acks=0). */
export type Answer<Body> = Body | null | Promise<Body | null>;

/** What a handler answers: an API's response, where `throttleTimeMs` need not be set since dispatch does that for every answer. */
export type ResponseBody<A extends Api> =
  ResponseInput<A> extends { readonly throttleTimeMs?: unknown }
    ? Omit<ResponseInput<A>, "throttleTimeMs"> & { readonly throttleTimeMs?: number }
    : ResponseInput<A>;

/** How one API is served. */
export interface Handler {
  readonly api: Api;
  /** First and last version that is announced. */
  readonly versions: readonly [first: number, last: number];
  /** Versions below this one are announced and refused nevertheless (Produce, KIP-896). */
  readonly firstServed: number;
  /**
   * Whether requests of one connection may be handled one after the other without waiting for the answers (which keep their order all the same). For Produce,
   * whose order is fixed when `handle` returns.
   */
  readonly overlaps: boolean;
  /** Answers one request. Everything expected is an error code in the answer; a throw is a bug, and closes the connection. */
  handle(request: unknown, context: RequestContext): Answer<object>;
}

/** Makes a `Handler` whose function sees the request and the answer in the API's own types. */
export function handler<A extends Api>(
  api: A,
  versions: readonly [first: number, last: number],
  handle: (request: RequestValue<A>, context: RequestContext) => Answer<ResponseBody<A>>,
  options: { readonly firstServed?: number; readonly overlaps?: boolean } = {},
): Handler {
  return {
    api: api as Api,
    versions,
    firstServed: options.firstServed ?? versions[0],
    overlaps: options.overlaps ?? false,
    handle: handle as (request: unknown, context: RequestContext) => Answer<object>,
  };
}

/** A request that can only be answered by closing the connection, as Kafka does; the message is logged. */
export class CloseConnectionError extends Error {
  override readonly name = "CloseConnectionError";
}
