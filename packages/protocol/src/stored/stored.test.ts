import { describe, expect, it } from "vitest";
import { fromJson, type Json, messageNamed, readGolden, withDefaults } from "../../test/golden.ts";
import { decode, encode } from "../codec.ts";
import { DecodeError } from "../errors.ts";
import { crc32c } from "../records/crc32c.ts";
import type { Input, Message } from "../schema.ts";
import { consumerProtocolAssignment, consumerProtocolSubscription } from "./consumer-protocol.ts";
import { groupMetadataKey, groupMetadataValue } from "./group-metadata.ts";
import { offsetCommitKey } from "./offset-commit.ts";
import { producerSnapshot } from "./producer-snapshot.ts";
import {
  decodeFromMember,
  decodeStored,
  decodeStoredKey,
  encodeStored,
  encodeStoredKey,
  storedKeyType,
} from "./stored.ts";

interface Framed {
  readonly key?: string;
  readonly recordType?: number;
  readonly keyHex?: string;
  readonly keyJson?: Json;
  readonly value: string;
  readonly valueVersion: number;
  readonly valueHex: string;
  readonly valueJson: Json;
}

const framed = readGolden<{ records: Framed[] }>("framed-records.json").records;

describe("records as they lie in internal topics and bytes fields", () => {
  it.each(framed.map((one) => [`${one.value} v${one.valueVersion}`, one] as const))("%s", (_, one) => {
    const message = messageNamed(one.value);
    const value = fromJson(message.fields, one.valueJson);
    const bytes = encodeStored(one.valueVersion, message, value as Input<Message>);
    expect(bytes.toString("hex")).toBe(one.valueHex);
    expect(decodeStored(message, bytes)).toEqual(withDefaults(message.fields, value));
    if (one.key === undefined || one.keyJson === undefined) return;
    const keyMessage = messageNamed(one.key);
    const key = fromJson(keyMessage.fields, one.keyJson);
    const keyBytes = encodeStoredKey(keyMessage, key as Input<Message>);
    expect(keyBytes.toString("hex")).toBe(one.keyHex);
    expect(storedKeyType(keyBytes)).toBe(one.recordType);
    expect(decodeStoredKey(keyMessage, keyBytes)).toEqual(key);
  });

  it("are refused when type, version or length is not the expected one", () => {
    const key = encodeStoredKey(groupMetadataKey, { group: "g" });
    expect(() => decodeStoredKey(offsetCommitKey, key)).toThrow("record type 2 instead of 1");
    expect(() => decodeStoredKey(groupMetadataKey, Buffer.concat([key, Buffer.of(0)]))).toThrow("left over");
    expect(() => decodeStored(groupMetadataValue, Buffer.from("0063", "hex"))).toThrow(DecodeError);
    expect(() => storedKeyType(Buffer.alloc(1))).toThrow(DecodeError);
  });
});

describe("what members of a classic group say to each other", () => {
  const subscription = { topics: ["orders"], ownedPartitions: [{ topic: "orders", partitions: [1, 2] }] };

  it("is read as version 3 when it is newer, with whatever follows", () => {
    const bytes = Buffer.concat([encodeStored(3, consumerProtocolSubscription, subscription), Buffer.from("future")]);
    bytes.writeInt16BE(7);
    expect(decodeFromMember(consumerProtocolSubscription, bytes)).toEqual({
      version: 7,
      topics: ["orders"],
      userData: null,
      ownedPartitions: [{ topic: "orders", partitions: [1, 2] }],
      generationId: -1,
      rackId: null,
    });
  });

  it("drops what an older version cannot carry", () => {
    const bytes = encodeStored(0, consumerProtocolSubscription, subscription);
    expect(decodeFromMember(consumerProtocolSubscription, bytes).ownedPartitions).toEqual([]);
  });

  it("is refused when it is no message at all", () => {
    expect(() => decodeFromMember(consumerProtocolAssignment, Buffer.alloc(0))).toThrow(DecodeError);
    expect(() => decodeFromMember(consumerProtocolAssignment, Buffer.from("ffff", "hex"))).toThrow(DecodeError);
  });
});

describe("a producer snapshot file", () => {
  it("is an int16 version and the message, whose checksum covers all that follows it", () => {
    const [file] = readGolden<{ files: { json: Json; fileHex: string }[] }>("producer-snapshot-file.json").files;
    const bytes = Buffer.from(file?.fileHex as string, "hex");
    expect(bytes.readInt16BE()).toBe(1);
    const snapshot = decode(producerSnapshot, 1, bytes.subarray(2));
    expect(snapshot).toEqual(file?.json);
    expect(crc32c(bytes, 6)).toBe(snapshot.crc);
    expect(encode(producerSnapshot, 1, snapshot).equals(bytes.subarray(2))).toBe(true);
  });
});
