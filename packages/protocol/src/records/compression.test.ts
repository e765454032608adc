import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { seededRandom, testData } from "../../test/record-data.ts";
import { type Codec, codecs } from "./codecs.ts";
import { compress, decompress } from "./compression.ts";
import { CodecUnavailableError, CorruptBatchError } from "./errors.ts";
import { compressLz4 } from "./lz4.ts";
import { loadCodecPackage } from "./native-codec.ts";
import { xxhash32 } from "./xxhash32.ts";

const compressed = codecs.filter((codec) => codec !== "none");
const mebibyte = 1024 * 1024;

/** Bytes between noise and repetition, to reach literals, matches and stored blocks of every codec. */
function mixedBytes(size: number, random: () => number): Buffer {
  const bytes = Buffer.alloc(size);
  let at = 0;
  while (at < size) {
    const run = Math.min(size - at, 1 + Math.floor(random() * 300));
    const kind = random();
    if (kind < 0.3 || at === 0) for (let n = 0; n < run; n++) bytes[at + n] = random() * 256;
    else if (kind < 0.4) bytes.fill(random() * 256, at, at + run);
    else {
      const from = Math.floor(random() * at);
      for (let n = 0; n < run; n++) bytes[at + n] = bytes[from + n]!;
    }
    at += run;
  }
  return bytes;
}

function thrown(action: () => unknown): CorruptBatchError {
  try {
    action();
  } catch (error) {
    if (error instanceof CorruptBatchError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function expectBroken(codec: Codec, bytes: Buffer, reason?: RegExp): void {
  const error = thrown(() => decompress(codec, bytes));
  expect(error.kind).toBe("compression");
  expect(error.reason).toMatch(new RegExp(`^broken ${codec} data`));
  if (reason !== undefined) expect(error.reason).toMatch(reason);
}

describe.each(codecs)("%s", (codec) => {
  test("gives back what went in", () => {
    const random = seededRandom(7);
    const sizes = [0, 1, 2, 15, 100, 1000, 32767, 32768, 32769, 65536, 70000, 300_000];
    for (let n = 0; n < 100; n++) sizes.push(Math.floor(random() * 3000));
    for (const size of sizes) {
      const bytes = mixedBytes(size, random);
      expect(decompress(codec, compress(codec, bytes)).equals(bytes), `${size} bytes`).toBe(true);
    }
  });

  test("takes a Uint8Array that is not a Buffer, and a slice", () => {
    const bytes = new Uint8Array(Buffer.from("..some text, some text, some text..")).subarray(2, 33);
    expect(decompress(codec, new Uint8Array(compress(codec, bytes))).toString()).toBe(
      "some text, some text, some text",
    );
  });
});

describe.each(compressed)("%s bounds", (codec) => {
  test("stops at the size allowed, and not a byte earlier", () => {
    for (const size of [1, 100, 100_000]) {
      const bytes = compress(codec, Buffer.alloc(size, "abc"));
      expect(decompress(codec, bytes, { maxDecompressedSize: size })).toHaveLength(size);
      const error = thrown(() => decompress(codec, bytes, { maxDecompressedSize: size - 1 }));
      expect(error.kind).toBe("tooLarge");
    }
  });

  test("stops a bomb early", () => {
    const bomb = compress(codec, Buffer.alloc(24 * mebibyte));
    const before = process.memoryUsage().arrayBuffers;
    const error = thrown(() => decompress(codec, bomb, { maxDecompressedSize: mebibyte }));
    expect(error.kind).toBe("tooLarge");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * mebibyte);
  });

  test("lets any ratio pass up to 16 MiB, and holds more against the ratio allowed", () => {
    const inside = compress(codec, Buffer.alloc(16 * mebibyte));
    expect(decompress(codec, inside, { maxDecompressionRatio: 2 })).toHaveLength(16 * mebibyte);
    const beyond = compress(codec, Buffer.alloc(16 * mebibyte + 1));
    expect(thrown(() => decompress(codec, beyond, { maxDecompressionRatio: 2 })).kind).toBe("tooLarge");
  });

  test("refuses whatever is cut", () => {
    const bytes = compress(codec, mixedBytes(500, seededRandom(3)));
    for (let size = 1; size < bytes.length; size++) {
      // Java's snappy stream does not say how many blocks follow: its header alone is an empty stream.
      if (codec === "snappy" && size === 16) continue;
      expect(thrown(() => decompress(codec, bytes.subarray(0, size))).kind, `${size} bytes`).toBe("compression");
    }
  });

  test("refuses what follows behind", () => {
    expectBroken(codec, Buffer.concat([compress(codec, Buffer.from("abc")), Buffer.from("junk, junk")]));
  });

  test("uses no more memory than a multiple of what it holds", () => {
    const output = decompress(codec, compress(codec, Buffer.from("a few bytes")));
    expect(output.buffer.byteLength).toBeLessThanOrEqual(64 * 1024);
  });
});

test("a level is the codec's own", () => {
  const bytes = mixedBytes(100_000, seededRandom(5));
  for (const codec of ["gzip", "zstd"] as const) {
    const [fast, small] = [compress(codec, bytes, 1), compress(codec, bytes, 9)];
    expect(small.length).toBeLessThan(fast.length);
    expect(decompress(codec, small).equals(bytes)).toBe(true);
  }
});

/** What test-data/compression/frames.json says it was made from. */
function foreignText(): string {
  let text = "";
  for (let n = 0; text.length < 200_000; n++) text += `order ${n % 97} paid\n`;
  return text.slice(0, 200_000);
}

const foreign = testData<{ frames: { name: string; codec: Codec; base64: string }[] }>(
  "compression/frames.json",
).frames;

test.each(foreign)("the reference tool's $codec frame $name is read", ({ codec, base64 }) => {
  const frame = Buffer.from(base64, "base64");
  const text = foreignText();
  expect(decompress(codec, frame).toString()).toBe(text);
  expect(decompress(codec, Buffer.concat([frame, frame])).toString()).toBe(text + text);
  expect(thrown(() => decompress(codec, frame, { maxDecompressedSize: 199_999 })).kind).toBe("tooLarge");
});

test("gzip of several members is read", () => {
  const members = Buffer.concat([gzipSync("one "), gzipSync(""), gzipSync("two")]);
  expect(decompress("gzip", members).toString()).toBe("one two");
});

test("snappy is written in Java's framing, in blocks of 32 KiB", () => {
  const bytes = compress("snappy", mixedBytes(70_000, seededRandom(2)));
  expect(bytes.subarray(0, 16).toString("hex")).toBe("82534e41505059000000000100000001");
  let blocks = 0;
  for (let at = 16; at < bytes.length; at += 4 + bytes.readInt32BE(at)) blocks++;
  expect(blocks).toBe(3);
});

test("snappy streams one behind the other are read", () => {
  const streams = Buffer.concat([compress("snappy", Buffer.from("one ")), compress("snappy", Buffer.from("two"))]);
  expect(decompress("snappy", streams).toString()).toBe("one two");
});

test("snappy: sizes that lie are refused before memory is taken", () => {
  const header = compress("snappy", Buffer.alloc(0));
  const before = process.memoryUsage().arrayBuffers;
  // The block says 2^31 - 1 bytes, then 10 MB: below the bound, and still more than its bytes can hold.
  expect(thrown(() => decompress("snappy", Buffer.from("ffffffff070000", "hex"))).kind).toBe("tooLarge");
  expectBroken("snappy", Buffer.from("80ade2040000", "hex"), /cannot hold/);
  expectBroken("snappy", Buffer.concat([header, Buffer.from("7fffffff00", "hex")]), /2147483647 bytes, with 1 left/);
  expectBroken("snappy", Buffer.concat([header, Buffer.from("8000000000", "hex")]), /a block of -/);
  expectBroken("snappy", Buffer.concat([header, Buffer.from("00000000", "hex")]), /does not say its size/);
  expectBroken("snappy", Buffer.from("ffffffffff0000", "hex"), /does not say its size/);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(mebibyte);
});

/** An lz4 frame of those flags around blocks that are given as they lie, with a right header checksum. */
function lz4Frame(flags: number, contentSize: number | null, blocks: string, tail = ""): Buffer {
  const size = contentSize === null ? Buffer.alloc(0) : Buffer.alloc(8);
  if (contentSize !== null) size.writeBigUInt64LE(BigInt(contentSize));
  const descriptor = Buffer.concat([Buffer.from([0x40 | flags, 0x40]), size]);
  const checksum = Buffer.from([(xxhash32(descriptor) >>> 8) & 0xff]);
  return Buffer.concat([
    Buffer.from("04224d18", "hex"),
    descriptor,
    checksum,
    Buffer.from(`${blocks}00000000${tail}`, "hex"),
  ]);
}

test("lz4: what the format does not allow is refused", () => {
  const abc = "0400000030616263";
  const good = lz4Frame(0x20, null, abc);
  expect(decompress("lz4", good).toString()).toBe("abc");
  const badHeader = Buffer.from(good);
  badHeader[6]! ^= 1;
  expectBroken("lz4", badHeader, /header does not match its checksum/);
  expectBroken("lz4", lz4Frame(0x22, null, abc), /unknown flags/);
  expectBroken("lz4", lz4Frame(0x80, null, abc), /unknown flags/);
  expectBroken("lz4", lz4Frame(0x21, null, abc), /dictionary/);
  expectBroken("lz4", lz4Frame(0x28, 4, abc), /announces 4 bytes and holds 3/);
  expectBroken("lz4", lz4Frame(0x28, 2 ** 62, abc), /announces 46116860184273\d+ bytes/);
  expectBroken("lz4", lz4Frame(0x24, null, abc, "00000000"), /content does not match/);
  expectBroken("lz4", lz4Frame(0x30, null, `${abc}00000000`), /block does not match/);
  expectBroken("lz4", lz4Frame(0x20, null, "ffffffff"), /is cut/);
  // A match that reaches one byte before the block, one of distance 0, a block that ends behind a match.
  expectBroken("lz4", lz4Frame(0x20, null, "0c000000306162630400504142434445"), /before its start/);
  expectBroken("lz4", lz4Frame(0x20, null, "080000003061626300001041"), /before its start/);
  expectBroken("lz4", lz4Frame(0x20, null, "06000000306162630300"), /block is broken/);
  expectBroken("lz4", Buffer.from("02214c18", "hex"), /no frame starts at byte 0/);
});

test("lz4: a block that depends on the one before is read, unless the frame says that none does", () => {
  // "abc", then a match of 4 at distance 3 and the literal "!".
  const blocks = "0400000030616263050000000003001021";
  expect(decompress("lz4", lz4Frame(0, null, blocks)).toString()).toBe("abcabca!");
  expectBroken("lz4", lz4Frame(0x20, null, blocks), /before its start/);
});

test("lz4: a block larger than the frame allows is refused", () => {
  const zeros = compressLz4(Buffer.alloc(mebibyte));
  const block = zeros.subarray(7);
  // The same blocks, of 1 MiB, in a frame that says 64 KiB.
  expectBroken("lz4", Buffer.concat([lz4Frame(0x20, null, "").subarray(0, 7), block]), /block is broken/);
});

test("lz4 and zstd: frames to be skipped are skipped", () => {
  const skippable = Buffer.from("5a2a4d1803000000aabbcc", "hex");
  for (const codec of ["lz4", "zstd"] as const) {
    const frame = compress(codec, Buffer.from("abc"));
    expect(decompress(codec, Buffer.concat([skippable, frame, skippable])).toString()).toBe("abc");
    expectBroken(codec, Buffer.concat([frame, skippable.subarray(0, 9)]), /is cut/);
  }
});

test("zstd: sizes that lie are refused before memory is taken", () => {
  const before = process.memoryUsage().arrayBuffers;
  // A single segment of 64 MiB in one stored block of 3 bytes.
  expectBroken(
    "zstd",
    Buffer.from("28b52ffd a0 00000004 190000 616263".replaceAll(" ", ""), "hex"),
    /cannot hold the 67108864/,
  );
  expectBroken("zstd", Buffer.from("28b52ffd2003190000616263".replace("190000", "1f0000"), "hex"), /unknown type/);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(mebibyte);
});

test("zstd: a great many empty frames are refused", () => {
  const frame = zstdCompressSync(Buffer.from("ab"), { params: { [constants.ZSTD_c_checksumFlag]: 0 } });
  expect(decompress("zstd", Buffer.concat(Array(16).fill(frame)))).toHaveLength(32);
  expectBroken("zstd", Buffer.concat(Array(5000).fill(frame)), /too many frames/);
});

test("a codec whose package is missing says which", () => {
  const missing = () => {
    throw new Error("Cannot find module");
  };
  expect(() => loadCodecPackage("snappy", "snappy", missing)).toThrow(CodecUnavailableError);
  expect(() => loadCodecPackage("lz4", "lz4-napi", missing)).toThrow(
    /compression type lz4 needs the package "lz4-napi"/,
  );
});
