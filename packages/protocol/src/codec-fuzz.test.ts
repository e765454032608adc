import { expect, it } from "vitest";
import { declaredMessages, goldenSamples } from "../test/golden.ts";
import { Dice } from "../test/random-values.ts";
import { decode } from "./codec.ts";
import { DecodeError } from "./errors.ts";
import { Reader } from "./reader.ts";
import type { Message } from "./schema.ts";

/** `OTTLA_FUZZ=1000000` in CI; fewer in a developer's run. */
const frames = Number(process.env.OTTLA_FUZZ ?? 100_000);

/** Counts what decoding allocates in proportion to counts and sizes that it has read. */
class CountingReader extends Reader {
  allocated = 0;

  override arrayCount(smallest: number): number {
    const count = super.arrayCount(smallest);
    this.allocated += Math.max(count, 0) * 8;
    return count;
  }

  override compactArrayCount(smallest: number): number {
    const count = super.compactArrayCount(smallest);
    this.allocated += Math.max(count, 0) * 8;
    return count;
  }

  override take(size: number): number {
    this.allocated += Math.min(size, this.remaining);
    return super.take(size);
  }
}

const interesting = [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff];

/** Damages a copy of the bytes: flips, overwrites, cuts, repeats or inserts, once or a few times. */
function mutate(dice: Dice, original: Buffer): Buffer {
  let bytes = Buffer.from(original);
  for (let times = 1 + dice.below(3); times > 0; times--) {
    const at = dice.below(bytes.length);
    switch (dice.below(6)) {
      case 0:
        bytes[at]! ^= 1 << dice.below(8);
        break;
      case 1:
        bytes[at] = dice.pick(interesting);
        break;
      case 2:
        bytes = bytes.subarray(0, Math.max(at, 1));
        break;
      case 3:
        bytes.fill(dice.pick(interesting), at, Math.min(at + 1 + dice.below(8), bytes.length));
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([dice.below(256)]), bytes.subarray(at)]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(dice.below(bytes.length))]);
    }
    if (bytes.length === 0) return Buffer.of(0);
  }
  return bytes;
}

it(`${frames} damaged frames yield a value or a DecodeError, and allocate in proportion to their size`, () => {
  const dice = new Dice(Number(process.env.OTTLA_FUZZ_SEED ?? 7));
  const originals: { message: Message; version: number; bytes: Buffer }[] = declaredMessages.flatMap((message) =>
    goldenSamples(message)
      .map(({ version, hex }) => ({ message, version, bytes: Buffer.from(hex, "hex") }))
      .filter(({ bytes }) => bytes.length > 0),
  );
  let values = 0;
  for (let i = 0; i < frames; i++) {
    const { message, version, bytes } = dice.pick(originals);
    const damaged = mutate(dice, bytes);
    const reader = new CountingReader(damaged);
    try {
      decode(message, version, reader);
      values++;
    } catch (error) {
      if (!(error instanceof DecodeError)) {
        throw new Error(`${message.name} v${version}: ${damaged.toString("hex")}`, { cause: error });
      }
    }
    if (reader.allocated > 64 * damaged.length) {
      throw new Error(`${message.name} v${version} allocated ${reader.allocated} for ${damaged.toString("hex")}`);
    }
  }
  // Both outcomes must be common, or the damage is of the wrong kind.
  expect(values).toBeGreaterThan(frames / 20);
  expect(values).toBeLessThan((frames * 19) / 20);
}, 120_000);
