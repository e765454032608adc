import { type Api, requestHeaderVersion, responseHeaderVersion } from "./api.ts";
import { apiByKey } from "./messages/index.ts";
import { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** What a request's header says, and where its body begins. */
export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  /** Null where the client sent none; Kafka's broker takes that as "". */
  readonly clientId: string | null;
  /** The API; undefined when the key is not a declared one: then nothing after the client id has been read. */
  readonly api: Api | undefined;
  /** Stands at the first byte of the body. */
  readonly reader: Reader;
}

/** Writes a request's header. The client id is never compact, not even in version 2 (KIP-511). */
export function encodeRequestHeader(
  writer: Writer,
  api: Api,
  version: number,
  correlationId: number,
  clientId: string | null,
): void {
  writer.int16(api.key);
  writer.int16(version);
  writer.int32(correlationId);
  writer.nullableString(clientId);
  if (requestHeaderVersion(api, version) === 2) writer.uvarint(0);
}

/**
 * Reads the header of a request frame (without the four bytes of its size). Versions are not checked: ApiVersions of any
 * version must be answered. Throws a `DecodeError`.
 */
export function decodeRequestHeader(frame: Uint8Array): RequestHeader {
  const reader = new Reader(frame);
  const apiKey = reader.int16();
  const apiVersion = reader.int16();
  const correlationId = reader.int32();
  const clientId = reader.nullableString();
  const api = apiByKey(apiKey);
  if (api !== undefined && requestHeaderVersion(api, apiVersion) === 2) reader.skipTags();
  return { apiKey, apiVersion, correlationId, clientId, api, reader };
}

/** Writes a response's header. */
export function encodeResponseHeader(writer: Writer, api: Api, version: number, correlationId: number): void {
  writer.int32(correlationId);
  if (responseHeaderVersion(api, version) === 1) writer.uvarint(0);
}

/**
 * Reads the header of a response and returns its correlation id; the reader then stands at the body. The id alone, which
 * says what API and version it is about, is the frame's first int32 (`correlationIdOf`). Throws a `DecodeError`.
 */
export function decodeResponseHeader(api: Api, version: number, reader: Reader): number {
  const correlationId = reader.int32();
  if (responseHeaderVersion(api, version) === 1) reader.skipTags();
  return correlationId;
}

/** The correlation id of a response frame. Throws a `DecodeError` when the frame is too short to have one. */
export function correlationIdOf(frame: Uint8Array): number {
  return new Reader(frame).int32();
}
