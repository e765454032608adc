import { describe, expect, it } from "vitest";
import { zeroUuid } from "./defaults.ts";
import { DecodeError, EncodeError } from "./errors.ts";
import { Reader } from "./reader.ts";
import { borrowFromSize, Writer } from "./writer.ts";

type Kind = {
  [K in keyof Writer]: Writer[K] extends (value: never) => void ? (K extends keyof Reader ? K : never) : never;
}[keyof Writer];

function written(method: Kind, value: unknown): Buffer {
  const writer = new Writer(1);
  (writer[method] as (value: unknown) => void)(value);
  return writer.toBuffer();
}

function read(method: Kind, bytes: Buffer): unknown {
  const reader = new Reader(bytes);
  const value = (reader[method] as () => unknown)();
  reader.expectEnd();
  return value;
}

const cases: [Kind, unknown, string][] = [
  ["bool", true, "01"],
  ["bool", false, "00"],
  ["int8", -128, "80"],
  ["int8", 127, "7f"],
  ["int16", -2, "fffe"],
  ["int16", 32_767, "7fff"],
  ["uint16", 65_535, "ffff"],
  ["int32", -2_147_483_648, "80000000"],
  ["int32", 2_147_483_647, "7fffffff"],
  ["uint32", 4_294_967_295, "ffffffff"],
  ["uint32", 2_147_483_648, "80000000"],
  ["int64", 0, "0000000000000000"],
  ["int64", -1, "ffffffffffffffff"],
  ["int64", Number.MAX_SAFE_INTEGER, "001fffffffffffff"],
  ["int64", Number.MIN_SAFE_INTEGER, "ffe0000000000001"],
  ["int64", 4_294_967_296, "0000000100000000"],
  ["int64", -4_294_967_297, "fffffffeffffffff"],
  ["bigint64", -(1n << 63n), "8000000000000000"],
  ["float64", -1.5, "bff8000000000000"],
  ["uvarint", 0, "00"],
  ["uvarint", 127, "7f"],
  ["uvarint", 128, "8001"],
  ["uvarint", 4_294_967_295, "ffffffff0f"],
  ["uuid", zeroUuid, "00000000000000000000000000000000"],
  ["uuid", "3zNI0fffytGK5BMeEJrRVw", "df3348d1f7dfcad18ae4131e109ad157"],
  ["uuid", "_____________________w", "ffffffffffffffffffffffffffffffff"],
  ["string", "", "0000"],
  ["string", "é", "0002c3a9"],
  ["nullableString", null, "ffff"],
  ["compactString", "ab", "036162"],
  ["compactString", "世", "04e4b896"],
  ["nullableCompactString", null, "00"],
  ["byteArray", Buffer.of(1, 2), "000000020102"],
  ["nullableBytes", null, "ffffffff"],
  ["compactBytes", Buffer.of(9), "0209"],
  ["nullableCompactBytes", null, "00"],
];

describe("reader and writer", () => {
  it.each(cases)("%s %s is %s", (method, value, hex) => {
    expect(written(method, value).toString("hex")).toBe(hex);
    const bytes = Buffer.from(hex, "hex");
    expect(read(method, bytes)).toEqual(value);
    for (let size = 0; size < bytes.length; size++) {
      expect(() => read(method, bytes.subarray(0, size)), `cut at ${size}`).toThrow(DecodeError);
    }
  });

  it.each([
    ["bool", 1],
    ["int8", 128],
    ["int8", "1"],
    ["int16", -32_769],
    ["uint16", -1],
    ["int32", 2_147_483_648],
    ["int32", 1.5],
    ["int32", Number.NaN],
    ["int32", undefined],
    ["uint32", -1],
    ["int64", 2 ** 53],
    ["int64", 1n],
    ["int64", 0.5],
    ["bigint64", 1n << 63n],
    ["bigint64", 1],
    ["float64", "1"],
    ["string", null],
    ["compactString", 5],
    ["string", "x".repeat(32_768)],
    ["compactString", "ü".repeat(16_384)],
    ["byteArray", "bytes"],
    ["compactBytes", null],
    ["uuid", ""],
    ["uuid", "3zNI0fffytGK5BMeEJrRV"],
    ["uuid", "3zNI0fffytGK5BMeEJrRV*"],
    ["uuid", "3zNI0fffytGK5BMeEJrRVx"],
    ["uuid", "3zNI0fffytGK5BMeEJrRVé"],
  ] as [Kind, unknown][])("%s refuses %s", (method, value) => {
    expect(() => written(method, value)).toThrow(EncodeError);
  });

  it("reads any byte but 0 as true", () => {
    expect(new Reader(Buffer.of(2)).bool()).toBe(true);
  });

  it("reads strings of every length that is allowed, and replaces what is not UTF-8", () => {
    for (const text of ["x".repeat(32_767), "x".repeat(39), "x".repeat(40), "x".repeat(41), `${"x".repeat(39)}é`]) {
      expect(read("string", written("string", text))).toBe(text);
      expect(read("compactString", written("compactString", text))).toBe(text);
    }
    expect(read("string", Buffer.from("0002c328", "hex"))).toBe("\ufffd(");
    expect(() =>
      new Reader(Buffer.concat([Buffer.from("818002", "hex"), Buffer.alloc(32_768)])).compactString(),
    ).toThrow("string of 32768 bytes");
  });

  it("takes any negative length as null, and refuses it where null is not allowed", () => {
    const negative = Buffer.from("fff0fff0", "hex");
    expect(new Reader(negative).nullableString()).toBeNull();
    expect(new Reader(negative).nullableBytes()).toBeNull();
    expect(new Reader(negative).arrayCount(1)).toBe(-1);
    expect(() => new Reader(negative).string()).toThrow("null where none is allowed");
    expect(() => new Reader(negative).byteArray()).toThrow(DecodeError);
    expect(() => new Reader(Buffer.of(0)).compactString()).toThrow(DecodeError);
    expect(() => new Reader(Buffer.of(0)).compactBytes()).toThrow(DecodeError);
  });

  it("reads varints that are padded, and refuses those of more than 32 bits", () => {
    expect(new Reader(Buffer.from("8000", "hex")).uvarint()).toBe(0);
    expect(new Reader(Buffer.from("8180808000", "hex")).uvarint()).toBe(1);
    expect(() => new Reader(Buffer.from("ffffffff10", "hex")).uvarint()).toThrow("varint beyond 32 bits");
    expect(() => new Reader(Buffer.from("808080808001", "hex")).uvarint()).toThrow("varint beyond 32 bits");
  });

  it("refuses more tagged fields than bytes left, or than anybody needs", () => {
    expect(() => new Reader(Buffer.from("020000", "hex")).tagCount()).toThrow("2 tagged fields");
    const million = Buffer.concat([Buffer.from("c0843d", "hex"), Buffer.alloc(2_000_000)]);
    expect(() => new Reader(million).skipTags()).toThrow("1000000 tagged fields");
  });

  it("reads within the bounds it was given", () => {
    const reader = new Reader(new Uint8Array([1, 2, 3, 4, 5, 6]), 1, 5);
    expect(reader.int16()).toBe(0x0203);
    expect(reader.remaining).toBe(2);
    expect(() => reader.int32()).toThrow("4 bytes wanted, 2 left, at position 3 of 5");
  });
});

describe("Writer", () => {
  it("keeps large bytes as chunks of their own and copies small ones", () => {
    const large = Buffer.alloc(borrowFromSize, 1);
    const small = Buffer.alloc(borrowFromSize - 1, 2);
    const writer = new Writer(8);
    writer.int32(0);
    writer.byteArray(small);
    writer.byteArray(large);
    writer.compactBytes(large);
    writer.int8(7);
    writer.setFirstInt32(0x01020304);
    const chunks = writer.chunks();
    expect(chunks.map((chunk) => chunk === large)).toEqual([false, true, false, true, false]);
    const expected = Buffer.concat([
      Buffer.from("0102030400000fff", "hex"),
      small,
      Buffer.from("00001000", "hex"),
      large,
      Buffer.from("8120", "hex"),
      large,
      Buffer.of(7),
    ]);
    expect(Buffer.concat(chunks).equals(expected)).toBe(true);
    expect(writer.size).toBe(expected.length);
    expect(writer.toBuffer().equals(expected)).toBe(true);
  });

  it("may end with borrowed bytes, and be empty", () => {
    const large = Buffer.alloc(borrowFromSize);
    const writer = new Writer();
    writer.raw(large);
    expect(writer.chunks()).toEqual([large]);
    expect(new Writer().toBuffer().length).toBe(0);
    expect(new Writer().size).toBe(0);
  });
});
