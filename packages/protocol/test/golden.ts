import { readFileSync } from "node:fs";
import { apis, type Field, type Fields, type Message } from "../src/index.ts";
import * as consumerGroup from "../src/stored/consumer-group.ts";
import * as consumerProtocol from "../src/stored/consumer-protocol.ts";
import * as endTxnMarker from "../src/stored/end-txn-marker.ts";
import * as groupMetadata from "../src/stored/group-metadata.ts";
import * as offsetCommit from "../src/stored/offset-commit.ts";
import * as producerSnapshot from "../src/stored/producer-snapshot.ts";
import * as transactionLog from "../src/stored/transaction-log.ts";

/** Bytes that Apache Kafka's own classes wrote, and the values behind them. */

/** Messages for which there is no golden data. */
export const withoutGolden: ReadonlySet<string> = new Set(["UnregisterBrokerRequest", "UnregisterBrokerResponse"]);

/** Every message of Kafka's that is declared here. */
export const declaredMessages: readonly Message[] = [
  ...Object.values(apis).flatMap((api) => [api.request, api.response] as Message[]),
  ...[
    consumerGroup,
    consumerProtocol,
    endTxnMarker,
    groupMetadata,
    offsetCommit,
    producerSnapshot,
    transactionLog,
  ].flatMap((module) => Object.values(module as Record<string, Message>)),
];

/** The declared message of this name. */
export function messageNamed(name: string): Message {
  const found = declaredMessages.find((message) => message.name === name);
  if (found === undefined) throw new Error(`${name} is not declared`);
  return found;
}

/** Reads a file of `test-data/golden`. */
export function readGolden<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../test-data/golden/${file}`, import.meta.url), "utf8")) as T;
}

export interface GoldenSample {
  readonly version: number;
  readonly kind: string;
  readonly json: Json;
  readonly hex: string;
}

export type Json = { readonly [key: string]: unknown };

/** The samples of a message at the versions declared. */
export function goldenSamples(message: Message): GoldenSample[] {
  if (withoutGolden.has(message.name)) return [];
  return readGolden<{ samples: GoldenSample[] }>(`messages/${message.name}.json`).samples.filter(
    (sample) => sample.version <= message.maxVersion,
  );
}

/** Turns Kafka's JSON form into a value: base64 to bytes, int64 to bigints if asked for. Only what the JSON has. */
export function fromJson(fields: Fields, json: Json, bigints = false): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const field = fields[name];
      if (field === undefined) throw new Error(`no field ${name} in the table`);
      return [name, fieldFromJson(field, value, bigints)];
    }),
  );
}

function fieldFromJson(field: Field, json: unknown, bigints: boolean): unknown {
  if (json === null) return null;
  switch (field.kind) {
    case "bytes":
    case "records":
      return Buffer.from(json as string, "base64");
    case "array":
      return (json as unknown[]).map((part) => fieldFromJson(field.element as Field, part, bigints));
    case "struct":
      return fromJson(field.fields ?? {}, json as Json, bigints);
    case "bigint64":
      return BigInt(json as string);
    case "int64":
      return bigints ? BigInt(json as string) : json;
    default:
      return json;
  }
}

/** Fills in the defaults of what a value leaves out, as decoding does. */
export function withDefaults(fields: Fields, value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, filled(field, value[name])] as const));
}

function filled(field: Field, value: unknown): unknown {
  if (value === undefined) {
    if (field.default === null) return null;
    if (field.kind === "array") return [];
    return field.kind === "struct" ? withDefaults(field.fields ?? {}, {}) : field.default;
  }
  if (value === null) return null;
  if (field.kind === "array") return (value as unknown[]).map((part) => filled(field.element as Field, part));
  return field.kind === "struct" ? withDefaults(field.fields ?? {}, value as Record<string, unknown>) : value;
}
