import type { Api, RequestInput, ResponseInput, ResponseValue } from "./api.ts";
import { decode, encodeInto } from "./codec.ts";
import { decodeResponseHeader, encodeRequestHeader, encodeResponseHeader } from "./header.ts";
import { Reader } from "./reader.ts";
import type { Message } from "./schema.ts";
import { Writer } from "./writer.ts";

/** A whole request, size first, as chunks to be written in order. Large records in it are borrowed, not copied. */
export function encodeRequestFrame<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  clientId: string | null,
  body: RequestInput<A>,
): Uint8Array[] {
  const writer = new Writer();
  writer.int32(0);
  encodeRequestHeader(writer, api, version, correlationId, clientId);
  encodeInto<Message>(writer, api.request, version, body);
  writer.setFirstInt32(writer.size - 4);
  return writer.chunks();
}

/** A whole response, size first, as chunks to be written in order. Large records in it are borrowed, not copied. */
export function encodeResponseFrame<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseInput<A>,
): Uint8Array[] {
  const writer = new Writer();
  writer.int32(0);
  encodeResponseHeader(writer, api, version, correlationId);
  encodeInto<Message>(writer, api.response, version, body);
  writer.setFirstInt32(writer.size - 4);
  return writer.chunks();
}

/** Decodes a response frame (without its size), whose API and version the caller knows. Throws a `DecodeError`. */
export function decodeResponseFrame<A extends Api>(api: A, version: number, frame: Uint8Array): ResponseValue<A> {
  const reader = new Reader(frame);
  decodeResponseHeader(api, version, reader);
  const body = decode(api.response, version, reader);
  reader.expectEnd();
  return body as ResponseValue<A>;
}
