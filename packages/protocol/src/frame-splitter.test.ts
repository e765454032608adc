import { describe, expect, it } from "vitest";
import { Dice } from "../test/random-values.ts";
import { FrameSplitter, FrameTooLargeError } from "./frame-splitter.ts";

function frame(content: Uint8Array): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(content.length);
  return Buffer.concat([size, content]);
}

describe("FrameSplitter", () => {
  it("finds the same frames however the stream is cut", () => {
    const dice = new Dice(3);
    for (let round = 0; round < 60; round++) {
      const contents = Array.from({ length: 1 + dice.below(40) }, (_, index) =>
        Buffer.alloc(dice.pick([0, 1, 3, 4, 5, 50, 700, 70_000, 300_000]), index),
      );
      const stream = Buffer.concat(contents.map(frame));
      const splitter = new FrameSplitter({ maxFrameSize: 300_000 });
      const found: Buffer[] = [];
      const scratch = Buffer.alloc(70_000);
      for (let at = 0; at < stream.length; ) {
        const size = Math.min(dice.pick([1, 2, 3, 5, 64, 1000, 65_536, 70_000]), stream.length - at);
        // The same memory for every chunk: what the splitter hands over must not depend on it.
        stream.copy(scratch, 0, at, at + size);
        splitter.push(scratch.subarray(0, size), (one) => found.push(one));
        scratch.fill(0xee, 0, size);
        at += size;
      }
      expect(found.length).toBe(contents.length);
      expect(found.every((one, index) => one.equals(contents[index] as Buffer))).toBe(true);
      expect(splitter.bufferedSize).toBe(0);
    }
  });

  it("never allocates what is only announced", () => {
    const splitter = new FrameSplitter({ maxFrameSize: 2 ** 30 });
    const size = Buffer.alloc(4);
    size.writeInt32BE(2 ** 30);
    splitter.push(size, () => {});
    expect(splitter.bufferedSize).toBe(0);
    let arrived = 0;
    for (let i = 0; i < 50; i++) {
      splitter.push(Buffer.alloc(10_000), () => {});
      arrived += 10_000;
      expect(splitter.bufferedSize).toBeLessThanOrEqual(Math.max(64 * 1024, 2 * arrived));
    }
  });

  it("makes the whole buffer at once for a frame no larger than one that has arrived before", () => {
    const splitter = new FrameSplitter({ maxFrameSize: 2 ** 20 });
    const large = frame(Buffer.alloc(500_000));
    const sizes: number[] = [];
    for (let times = 0; times < 2; times++) {
      splitter.push(large.subarray(0, 100_000), () => {});
      sizes.push(splitter.bufferedSize);
      splitter.push(large.subarray(100_000), () => {});
    }
    expect(sizes).toEqual([99_996, 500_000]);
  });

  it("refuses sizes that are negative or above the limit, with a guess what it met", () => {
    const announce = (bytes: string | Buffer) => () =>
      new FrameSplitter({ maxFrameSize: 100 }).push(Buffer.from(bytes as string), () => {});
    expect(announce(Buffer.from("00000065", "hex"))).toThrow(FrameTooLargeError);
    expect(announce(Buffer.from("00000065", "hex"))).toThrow("frame of 101 bytes announced, at most 100 allowed");
    expect(announce(Buffer.from("ffffffff", "hex"))).toThrow("frame of -1 bytes");
    expect(announce(Buffer.from("1603010200", "hex"))).toThrow("looks like TLS");
    expect(announce("GET / HTTP/1.1\r\n")).toThrow("looks like HTTP");
    expect(() => {
      const splitter = new FrameSplitter({ maxFrameSize: 100 });
      for (const byte of [0x7f, 0xff, 0xff, 0xff]) splitter.push(Buffer.of(byte), () => {});
    }).toThrow(FrameTooLargeError);
  });

  it("hands over the frames before a bad one", () => {
    const stream = Buffer.concat([frame(Buffer.of(1)), frame(Buffer.of(2)), Buffer.from("7fffffff", "hex")]);
    const found: Buffer[] = [];
    const splitter = new FrameSplitter({ maxFrameSize: 100 });
    expect(() => splitter.push(stream, (one) => found.push(one))).toThrow(FrameTooLargeError);
    expect(found.map((one) => one[0])).toEqual([1, 2]);
  });
});
