import { spawnSync } from "node:child_process";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { declaredMessages, fromJson, type Json, messageNamed, readGolden, withDefaults } from "../test/golden.ts";
import { Dice, randomStruct } from "../test/random-values.ts";
import { decode, encode } from "./codec.ts";
import { compile } from "./compile.ts";
import { DecodeError, EncodeError } from "./errors.ts";
import { interpret } from "./interpret.ts";
import { apis } from "./messages/index.ts";
import { Reader } from "./reader.ts";
import type { Codec, Input, Message } from "./schema.ts";
import { array, int32, int64, message, string, struct } from "./schema.ts";
import { consumerGroupMemberMetadataValue } from "./stored/consumer-group.ts";
import { transactionLogValue } from "./stored/transaction-log.ts";
import { Writer } from "./writer.ts";

function encodeWith(codec: Codec, value: unknown): Buffer {
  const writer = new Writer();
  codec.encode(writer, value);
  return writer.toBuffer();
}

/** The value, or the error's class: which of several errors is found first is not part of the bargain. */
function attempt(codec: Codec, bytes: Buffer): unknown {
  try {
    return codec.decode(new Reader(bytes));
  } catch (error) {
    if (error instanceof DecodeError) return "DecodeError";
    throw error;
  }
}

describe("compiled and interpreted codecs", () => {
  it("agree on random values, and on damaged ones", () => {
    const dice = new Dice(20260801);
    for (const message of declaredMessages) {
      for (let version = message.minVersion; version <= message.maxVersion; version++) {
        const compiled = compile(message, version);
        const interpreted = interpret(message, version);
        for (let round = 0; round < 4; round++) {
          const value = randomStruct(dice, message.fields, version);
          const bytes = encodeWith(compiled, value);
          const where = `${message.name} v${version}: ${bytes.toString("hex").slice(0, 200)}`;
          expect(encodeWith(interpreted, value).equals(bytes), where).toBe(true);
          const decoded = compiled.decode(new Reader(bytes));
          expect(isDeepStrictEqual(decoded, withDefaults(message.fields, value)), where).toBe(true);
          expect(isDeepStrictEqual(decoded, interpreted.decode(new Reader(bytes))), where).toBe(true);
          if (bytes.length === 0) continue;
          const damaged = Buffer.from(bytes);
          damaged[dice.below(damaged.length)] = dice.below(256);
          expect(isDeepStrictEqual(attempt(compiled, damaged), attempt(interpreted, damaged)), where).toBe(true);
        }
      }
    }
  });
});

describe("numbers beyond 2^53", () => {
  const { samples } = readGolden<{ samples: { message: string; version: number; json: Json; hex: string }[] }>(
    "extremes.json",
  );

  /** Its hash uses all 64 bits, so it is a bigint. */
  const isBigint = ({ message }: { readonly message: string }) => message === "ConsumerGroupMetadataValue";

  it.each(samples.filter(isBigint))("are kept in $message", ({ message, version, hex }) => {
    const bytes = Buffer.from(hex, "hex");
    const declared = messageNamed(message);
    expect(encode(declared, version, decode(declared, version, bytes) as Input<Message>).toString("hex")).toBe(hex);
  });

  const refused = samples.filter((sample) => !isBigint(sample));
  it.each(refused.map((sample) => [sample.message, sample] as const))("%s", (name, { version, json, hex }) => {
    const declared = messageNamed(name);
    const exact = interpret(declared, version, { bigints: true });
    const value = fromJson(declared.fields, json, true);
    expect(encodeWith(exact, value).toString("hex")).toBe(hex);
    const bytes = Buffer.from(hex, "hex");
    const decoded = exact.decode(new Reader(bytes));
    expect(encodeWith(exact, decoded).toString("hex")).toBe(hex);
    expect(() => decode(declared, version, bytes)).toThrow(DecodeError);
    expect(() => decode(declared, version, bytes)).toThrow("int64 beyond 2^53-1");
    const rounded = fromJson(declared.fields, JSON.parse(JSON.stringify(json, toNumber)) as Json);
    expect(() => encode(declared, version, rounded as Input<Message>)).toThrow(EncodeError);
  });

  it("are declared as a bigint where Kafka's default needs it", () => {
    const partition = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1 };
    const request = (highWatermark?: bigint) => ({
      maxWaitMs: 1,
      minBytes: 1,
      topics: [{ partitions: [{ ...partition, highWatermark }] }],
      forgottenTopicsData: [],
    });
    const without = encode(apis.fetch.request, 18, request());
    expect(decode(apis.fetch.request, 18, without).topics[0]?.partitions[0]?.highWatermark).toBe((1n << 63n) - 1n);
    const bytes = encode(apis.fetch.request, 18, request(5n));
    expect(bytes.length).toBe(without.length + 10);
    expect(decode(apis.fetch.request, 18, bytes).topics[0]?.partitions[0]?.highWatermark).toBe(5n);
  });
});

/** The samples hold int64 beyond 2^53 as text. */
function toNumber(_: string, value: unknown): unknown {
  return typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
}

describe("unknown tagged fields", () => {
  interface Sample {
    readonly message: string;
    readonly version: number;
    readonly json: Json;
    readonly hex: string;
  }
  const samples = readGolden<{ samples: Sample[] }>("unknown-tags.json").samples;
  const bodies = samples.filter((sample) => !sample.message.endsWith("Header"));

  it.each(bodies.map((sample) => [sample.message, sample] as const))("%s are passed over", (name, sample) => {
    const declared = messageNamed(name);
    const expected = withDefaults(declared.fields, fromJson(declared.fields, sample.json));
    const bytes = Buffer.from(sample.hex, "hex");
    expect(decode(declared, sample.version, bytes)).toEqual(expected);
    expect(interpret(declared, sample.version).decode(new Reader(bytes))).toEqual(expected);
  });
});

describe("tagged fields", () => {
  it("are written in rising order of tags, whatever the order of the table", () => {
    const value = {
      producerId: 1,
      producerEpoch: 2,
      transactionTimeoutMs: 3,
      transactionStatus: 4,
      transactionPartitions: null,
      transactionLastUpdateTimestampMs: 5,
      transactionStartTimestampMs: 6,
      previousProducerId: 7,
      nextProducerId: 8,
      nextProducerEpoch: 9,
      clientTransactionVersion: 2,
    };
    const bytes = encode(transactionLogValue, 1, value);
    const tail = "04" + "0008" + "0000000000000007" + "0108" + "0000000000000008" + "0202" + "0002" + "0302" + "0009";
    expect(bytes.toString("hex").endsWith(tail)).toBe(true);
    expect(decode(transactionLogValue, 1, bytes)).toEqual(value);
  });

  it("that are nullable structs without a null default: null is written", () => {
    const member = { clientId: "c", clientHost: "h", subscribedTopicNames: [] };
    const nulls = { instanceId: null, rackId: null, subscribedTopicRegex: null, serverAssignor: null };
    const bytes = encode(consumerGroupMemberMetadataValue, 0, { ...member, ...nulls, classicMemberMetadata: null });
    expect(bytes.toString("hex").endsWith("01" + "0001" + "00")).toBe(true);
    expect(decode(consumerGroupMemberMetadataValue, 0, bytes).classicMemberMetadata).toBeNull();
  });

  it("longer than 127 bytes have a longer size in front of them", () => {
    const nested = message(
      "Nested",
      { versions: [0, 0], flexible: 0 },
      { id: int32(), outer: struct({ names: array(string(), { tag: 5 }), n: int32() }, { tag: 1 }) },
    );
    for (const count of [0, 1, 5, 12, 13, 14, 1638, 1639, 20_000]) {
      const value = { id: 7, outer: { names: Array.from({ length: count }, () => "ten letter"), n: 3 } };
      const bytes = encode(nested, 0, value);
      expect(bytes.equals(encodeWith(interpret(nested, 0), value)), `${count} names`).toBe(true);
      expect(decode(nested, 0, bytes)).toEqual(value);
    }
  });

  it("must be as long as they say", () => {
    const bytes = encode(apis.fetch.request, 12, { clusterId: "cluster", ...fetchNothing });
    const end = bytes.length - "cluster".length - 1;
    expect(bytes[end - 1]).toBe(8);
    bytes[end - 1] = 7;
    expect(() => decode(apis.fetch.request, 12, bytes)).toThrow(DecodeError);
  });
});

const fetchNothing = { maxWaitMs: 1, minBytes: 1, topics: [], forgottenTopicsData: [] };

describe("values that cannot be encoded", () => {
  const join = { groupId: "g", sessionTimeoutMs: 1, memberId: "", protocolType: "consumer", protocols: [] };

  it("are refused with the path of the field", () => {
    const protocols = [
      { name: "range", metadata: Buffer.alloc(0) },
      { name: 5 as unknown as string, metadata: Buffer.alloc(0) },
    ];
    expect(() => encode(apis.joinGroup.request, 9, { ...join, protocols })).toThrow(
      new EncodeError("JoinGroupRequest.protocols[1].name: expected a string, not 5 (version 9)"),
    );
    const { groupId: _, ...without } = join;
    expect(() => encode(apis.joinGroup.request, 9, without as typeof join)).toThrow(
      new EncodeError("JoinGroupRequest.groupId: expected a string, not undefined (version 9)"),
    );
    expect(() => encode(apis.joinGroup.request, 9, { ...join, protocols: undefined as unknown as [] })).toThrow(
      "JoinGroupRequest.protocols: expected an array, not undefined",
    );
    expect(() => encode(apis.joinGroup.request, 9, { ...join, protocols: [null] as unknown as [] })).toThrow(
      "JoinGroupRequest.protocols[0]: expected an object, not null",
    );
    expect(() => encode(apis.joinGroup.request, 9, { ...join, sessionTimeoutMs: 2 ** 31 })).toThrow(
      "JoinGroupRequest.sessionTimeoutMs: expected an int32, not 2147483648",
    );
  });

  it("at a version that lacks a field: an error unless the value is the default or may be dropped", () => {
    const version4 = { ...join, groupInstanceId: "static" };
    expect(() => encode(apis.joinGroup.request, 4, version4)).toThrow(
      "JoinGroupRequest.groupInstanceId: not in version 4",
    );
    expect(encode(apis.joinGroup.request, 4, { ...join, groupInstanceId: null })).toEqual(
      encode(apis.joinGroup.request, 4, join),
    );
    expect(encode(apis.joinGroup.request, 4, { ...join, reason: "leaves no trace" })).toEqual(
      encode(apis.joinGroup.request, 4, join),
    );
    const state = { replicaState: { replicaId: 1, replicaEpoch: -1 } };
    expect(() => encode(apis.fetch.request, 12, { ...fetchNothing, ...state })).toThrow(
      "replicaState: not in version 12",
    );
    const none = { replicaState: { replicaId: -1, replicaEpoch: -1 } };
    expect(() => encode(apis.fetch.request, 12, { ...fetchNothing, ...none })).not.toThrow();
  });

  it("null where a version does not allow it yet", () => {
    expect(encode(apis.metadata.request, 1, { topics: null }).toString("hex")).toBe("ffffffff");
    expect(() => encode(apis.metadata.request, 0, { topics: null })).toThrow(
      "MetadataRequest.topics: expected an array",
    );
    expect(() => decode(apis.metadata.request, 0, Buffer.from("ffffffff", "hex"))).toThrow(DecodeError);
    expect(decode(apis.metadata.request, 1, Buffer.from("fffffff0", "hex")).topics).toBeNull();
  });

  it("at versions that are not declared", () => {
    expect(() => encode(apis.produce.request, 2, { acks: 1, timeoutMs: 1, topicData: [] })).toThrow(EncodeError);
    expect(() => decode(apis.produce.request, 14, Buffer.alloc(8))).toThrow(DecodeError);
    expect(() => decode(apis.produce.request, 3.5, Buffer.alloc(8))).toThrow(DecodeError);
  });
});

describe("where code must not be made from text", () => {
  it("the interpreter takes over", () => {
    const script = `
      import { apis, decode, encode } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
      const bytes = encode(apis.heartbeat.request, 4, { groupId: "g", generationId: 1, memberId: "m" });
      process.stdout.write(bytes.toString("hex") + " " + decode(apis.heartbeat.request, 4, bytes).memberId);
    `;
    const options = ["--disallow-code-generation-from-strings", "--no-warnings", "--input-type=module", "-e", script];
    const { stdout, stderr } = spawnSync(process.execPath, options, { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout).toBe("026700000001026d0000 m");
  });
});

describe("decode", () => {
  it("refuses bytes that are left over, unless a reader is given", () => {
    const bytes = Buffer.concat([encode(apis.heartbeat.response, 0, { errorCode: 0 }), Buffer.alloc(3)]);
    expect(() => decode(apis.heartbeat.response, 0, bytes)).toThrow("3 bytes left over");
    const reader = new Reader(bytes);
    decode(apis.heartbeat.response, 0, reader);
    expect(reader.remaining).toBe(3);
  });

  it("names the message, the version and the position", () => {
    const bytes = Buffer.from("00000001", "hex");
    expect(() => decode(apis.joinGroup.response, 3, bytes)).toThrow(
      new DecodeError("JoinGroupResponse v3: 2 bytes wanted, 0 left, at position 4 of 4"),
    );
  });

  it("gives bytes and records as slices of the frame", () => {
    const records = Buffer.alloc(100, 7);
    const topicData = [{ name: "t", partitionData: [{ index: 0, records }] }];
    const frame = encode(apis.produce.request, 9, { acks: -1, timeoutMs: 1, topicData });
    const found = decode(apis.produce.request, 9, frame).topicData[0]?.partitionData[0]?.records as Buffer;
    expect(found.equals(records)).toBe(true);
    expect(found.buffer).toBe(frame.buffer);
  });

  it("checks an array's count against the bytes left before it allocates", () => {
    // A million struct elements of at least 8 bytes each are announced, and nothing follows.
    const hostile = Buffer.from("000f4240", "hex");
    const many = message("Many", { versions: [0, 0], flexible: "none" }, { values: array({ a: int64() }) });
    expect(() => decode(many, 0, hostile)).toThrow("array of 1000000 elements with 0 bytes left");
    const plausible = Buffer.concat([Buffer.from("00200000", "hex"), Buffer.alloc(2 ** 23)]);
    const small = message("Small", { versions: [0, 0], flexible: "none" }, { values: array(int32()) });
    expect(() => decode(small, 0, plausible)).toThrow("array of 2097152 elements");
  });

  it("gives the decoded structs of all versions one shape", () => {
    const keys = (version: number) =>
      Object.keys(decode(apis.heartbeat.request, version, encode(apis.heartbeat.request, version, heartbeat)));
    const heartbeat = { groupId: "g", generationId: 1, memberId: "m" };
    expect(keys(0)).toEqual(keys(4));
  });
});
