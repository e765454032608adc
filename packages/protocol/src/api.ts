import { isFlexible } from "./layout.ts";
import type { Input, Message, Value } from "./schema.ts";

/** One API: the request and the response that share a key. */
export interface Api<Request extends Message = Message, Response extends Message = Message> {
  readonly key: number;
  /** Kafka's name, such as `JOIN_GROUP`. */
  readonly name: string;
  readonly request: Request;
  readonly response: Response;
}

/** What a caller of an API gives to encode its request. */
export type RequestInput<A extends Api> = Input<A["request"]>;
/** The decoded request of an API. */
export type RequestValue<A extends Api> = Value<A["request"]>;
/** What a handler of an API gives to encode its response. */
export type ResponseInput<A extends Api> = Input<A["response"]>;
/** The decoded response of an API. */
export type ResponseValue<A extends Api> = Value<A["response"]>;

/** Puts the two messages of an API together. */
export function api<Request extends Message, Response extends Message>(
  name: string,
  request: Request,
  response: Response,
): Api<Request, Response> {
  return { key: request.key, name, request, response };
}

const apiVersionsKey = 18;

/** Version of the request's header: 2 where the request is flexible, else 1. */
export function requestHeaderVersion(api: Api, version: number): number {
  return isFlexible(api.request, version) ? 2 : 1;
}

/** Version of the response's header: 1 where it is flexible, else 0. ApiVersions is always 0: its reader cannot know. */
export function responseHeaderVersion(api: Api, version: number): number {
  return api.key !== apiVersionsKey && isFlexible(api.response, version) ? 1 : 0;
}
