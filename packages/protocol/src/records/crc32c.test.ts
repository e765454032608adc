import { expect, test } from "vitest";
import { seededRandom } from "../../test/record-data.ts";
import { crc32c, crc32cInJavaScript, loadNativeCrc } from "./crc32c.ts";
import { xxhash32 } from "./xxhash32.ts";

const implementations = [
  ["the addon", crc32c],
  ["JavaScript", crc32cInJavaScript],
] as const;

// RFC 3720, appendix B.4; the 9 digits are the usual check value.
test.each(implementations)("CRC-32C by %s gives the published values", (_name, crc) => {
  const zeros = Buffer.alloc(32);
  const ones = Buffer.alloc(32, 0xff);
  const rising = Buffer.from(Array.from({ length: 32 }, (_, n) => n));
  expect(crc(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc(zeros)).toBe(0x8a9136aa);
  expect(crc(ones)).toBe(0x62a8ab43);
  expect(crc(rising)).toBe(0x46dd794e);
  expect(crc(Buffer.alloc(0))).toBe(0);
});

test("the addon and JavaScript agree on any size, start and beginning", () => {
  const random = seededRandom(1);
  const bytes = Buffer.from(Array.from({ length: 5000 }, () => random() * 256));
  for (let n = 0; n < 1500; n++) {
    const start = Math.floor(random() * 2000);
    const end = n < 500 ? start + n : start + Math.floor(random() * 3000);
    const initial = Math.floor(random() * 2 ** 32);
    expect(crc32c(bytes, start, end, initial)).toBe(crc32cInJavaScript(bytes, start, end, initial));
  }
});

test("the addon is there; a machine without it is no error", () => {
  expect(loadNativeCrc()?.(Buffer.from("123456789"))).toBe(0xe3069283);
  const missing = () => {
    throw new Error("Cannot find module");
  };
  expect(loadNativeCrc(missing)).toBe(null);
});

test("a CRC-32C goes on from an earlier one", () => {
  const bytes = Buffer.alloc(4000, "some bytes");
  const whole = crc32c(bytes);
  for (const cut of [0, 1, 100, 2000, 3999]) {
    expect(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut))).toBe(whole);
  }
});

test("xxHash gives the published values", () => {
  expect(xxhash32(Buffer.alloc(0))).toBe(0x02cc5d05);
  expect(xxhash32(Buffer.from("a"))).toBe(0x550d7456);
  expect(xxhash32(Buffer.from("abc"))).toBe(0x32d153ff);
  expect(xxhash32(Buffer.from("Nobody inspects the spammish repetition"))).toBe(0xe2293b2f);
});
