import { describe, expect, it } from "vitest";
import {
  declaredMessages,
  fromJson,
  goldenSamples,
  readGolden,
  withDefaults,
  withoutGolden,
} from "../../test/golden.ts";
import { type Api, requestHeaderVersion, responseHeaderVersion } from "../api.ts";
import { decode, encode } from "../codec.ts";
import { interpret } from "../interpret.ts";
import { Reader } from "../reader.ts";
import type { Input, Message } from "../schema.ts";
import { Writer } from "../writer.ts";
import { apiByKey, apis } from "./index.ts";

describe.each(declaredMessages.map((message) => [message.name, message] as const))("%s", (_, message) => {
  const samples = goldenSamples(message);

  it("has golden samples of every declared version", () => {
    if (withoutGolden.has(message.name)) return;
    const versions = new Set(samples.map((sample) => sample.version));
    for (let v = message.minVersion; v <= message.maxVersion; v++) expect(versions, `version ${v}`).toContain(v);
  });

  it("encodes to Kafka's bytes and decodes to Kafka's values, compiled and interpreted", () => {
    for (const { version, kind, json, hex } of samples) {
      const where = `version ${version}, ${kind}`;
      const value = fromJson(message.fields, json);
      const whole = withDefaults(message.fields, value);
      expect(encode(message, version, value as Input<Message>).toString("hex"), where).toBe(hex);
      expect(decode(message, version, Buffer.from(hex, "hex")), where).toEqual(whole);
      const slow = interpret(message, version);
      const writer = new Writer();
      slow.encode(writer, value);
      expect(writer.toBuffer().toString("hex"), where).toBe(hex);
      expect(slow.decode(new Reader(Buffer.from(hex, "hex"))), where).toEqual(whole);
    }
  });
});

interface ApiFacts {
  readonly key: number;
  readonly name: string;
  readonly message: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly removed?: boolean;
  readonly clientApi?: boolean;
  readonly requestHeaderVersion: Record<string, number>;
  readonly responseHeaderVersion: Record<string, number>;
}

/** Only brokers say these to each other, although Kafka lists them with the rest. */
const betweenBrokers = [
  "InitializeShareGroupState",
  "ReadShareGroupState",
  "WriteShareGroupState",
  "DeleteShareGroupState",
  "ReadShareGroupStateSummary",
];

describe("apis", () => {
  const facts = readGolden<ApiFacts[]>("apis.json").filter(
    (api) => api.clientApi === true && api.removed !== true && !betweenBrokers.includes(api.message),
  );

  it("are all that clients, admin tools and group members send", () => {
    expect(Object.values(apis).map((api) => api.key)).toEqual(facts.map((api) => api.key));
  });

  it.each(facts.map((api) => [api.name, api] as const))("%s has Kafka's versions and headers", (name, fact) => {
    const api = apiByKey(fact.key) as Api;
    expect(api.name).toBe(name);
    expect([api.request.name, api.response.name]).toEqual([`${fact.message}Request`, `${fact.message}Response`]);
    for (const message of [api.request, api.response]) {
      expect([message.key, message.minVersion, message.maxVersion]).toEqual([
        fact.key,
        fact.minVersion,
        fact.maxVersion,
      ]);
    }
    for (let v = fact.minVersion; v <= fact.maxVersion; v++) {
      expect(requestHeaderVersion(api, v), `request v${v}`).toBe(inRanges(fact.requestHeaderVersion, v));
      expect(responseHeaderVersion(api, v), `response v${v}`).toBe(inRanges(fact.responseHeaderVersion, v));
    }
  });

  it("does not know what is not declared", () => {
    expect(apiByKey(4)).toBeUndefined();
    expect(apiByKey(-1)).toBeUndefined();
  });
});

function inRanges(ranges: Record<string, number>, version: number): number | undefined {
  for (const [range, value] of Object.entries(ranges)) {
    const [from, to] = range.split("-").map(Number);
    if (version >= (from as number) && version <= (to ?? (from as number))) return value;
  }
  return undefined;
}
