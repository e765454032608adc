import { isUtf8 } from "node:buffer";
import type { Message, ProducerRecord } from "@ottla/client";
import { CommandError } from "./context.ts";

/** Bytes as JSON has them: text where they are UTF-8. */
export type JsonBytes = string | { readonly base64: string } | null;

/** A message as a line of JSON. */
export interface JsonMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: JsonBytes;
  readonly value: JsonBytes;
  readonly headers: readonly { readonly key: string; readonly value: JsonBytes }[];
}

export function jsonMessage({ topic, partition, offset, timestamp, key, value, headers }: Message): JsonMessage {
  return {
    ...{ topic, partition, offset, timestamp },
    key: jsonBytes(key),
    value: jsonBytes(value),
    headers: headers.map(([name, header]) => ({ key: name, value: jsonBytes(header) })),
  };
}

function jsonBytes(bytes: Buffer | null): JsonBytes {
  if (bytes === null) return null;
  return isUtf8(bytes) ? bytes.toString("utf8") : { base64: bytes.toString("base64") };
}

/** Bytes for people: text, or how many they are where they are no text. */
export function shownBytes(bytes: Buffer | null): string {
  if (bytes === null) return "(null)";
  return isUtf8(bytes) ? bytes.toString("utf8") : `(${bytes.length} bytes)`;
}

/** A record out of a line of JSON; `where` names the line for what is wrong with it. */
export function recordOfJson(
  line: string,
  topic: string,
  where: string,
): ProducerRecord<Buffer, Buffer> & { readonly headers: readonly [string, Buffer | null][] } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new CommandError(`${where} is not JSON: ${(error as Error).message}`);
  }
  if (typeof parsed !== "object" || parsed === null || !("value" in parsed)) {
    throw new CommandError(`${where} must be an object with a value (and key, headers, partition, timestamp)`);
  }
  const { key, value, headers, partition, timestamp } = parsed as Record<string, unknown>;
  return {
    topic,
    key: bytesOf(key),
    value: bytesOf(value),
    headers: headersOf(headers, where),
    partition: numberOf(partition, `the partition of ${where}`),
    timestamp: numberOf(timestamp, `the timestamp of ${where}`),
  };
}

/** Text as UTF-8, `{"base64": ...}` as the bytes, anything else as JSON. */
function bytesOf(value: unknown): Buffer | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return Buffer.from(value);
  const { base64 } = value as { base64?: unknown };
  return typeof base64 === "string" ? Buffer.from(base64, "base64") : Buffer.from(JSON.stringify(value));
}

/** A list of key and value, or an object. */
function headersOf(headers: unknown, where: string): [string, Buffer | null][] {
  if (headers === undefined || headers === null) return [];
  if (typeof headers !== "object") throw new CommandError(`the headers of ${where} must be a list or an object`);
  if (!Array.isArray(headers)) return Object.entries(headers).map(([key, value]) => [key, bytesOf(value)]);
  return headers.map((header: unknown) => {
    const { key, value } = (header ?? {}) as Record<string, unknown>;
    if (typeof key !== "string") throw new CommandError(`every header of ${where} must have a key`);
    return [key, bytesOf(value)];
  });
}

function numberOf(value: unknown, what: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new CommandError(`${what} must be a whole number, 0 or more`);
}
