import { assert } from "../assert.ts";
import type { Random } from "../random.ts";

/** Randomness from a seed: the same seed gives the same numbers. */
export interface SimRandom extends Random {
  /** True with that probability (0 to 1). */
  chance(probability: number): boolean;
  /** A number from `low` (included) to `high` (excluded). */
  between(low: number, high: number): number;
  /** One of the items, of which there is at least one. */
  pick<T>(items: readonly T[]): T;
  /**
   * Another generator whose numbers depend on this one's seed and on `name` only, not on what was drawn before: what one part of a simulation draws
   * then changes nothing for the others.
   */
  fork(name: string): SimRandom;
}

/** A generator for `seed`, which may be any number or text. */
export function simRandom(seed: number | string): SimRandom {
  return new Sfc32(String(seed));
}

/** Chris Doty-Humphrey's Small Fast Counting generator with 32-bit words: 128 bits of state, passes PractRand, a few operations a number. */
class Sfc32 implements SimRandom {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string) {
    this.#seed = seed;
    [this.#a, this.#b, this.#c] = hash(seed);
    for (let i = 0; i < 16; i++) this.#next();
  }

  float(): number {
    const high = this.#next() >>> 5;
    const low = this.#next() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  integer(below: number): number {
    assert(below >= 1 && below <= 2 ** 53, `no random integer is below ${below}`);
    return Math.floor(this.float() * below);
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size);
    for (let i = 0; i < size; i++) bytes[i] = this.#next();
    return bytes;
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  between(low: number, high: number): number {
    return low + this.float() * (high - low);
  }

  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, "nothing to pick from");
    return items[this.integer(items.length)]!;
  }

  fork(name: string): SimRandom {
    return new Sfc32(`${this.#seed}/${name}`);
  }

  #next(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }
}

/** Three words that differ in about half of their bits for seeds that differ in one. */
function hash(text: string): [number, number, number] {
  const words: [number, number, number] = [0x9e3779b9, 0x243f6a88, 0xb7e15162];
  for (let i = 0; i < text.length; i++) {
    for (let word = 0; word < 3; word++) {
      const mixed = Math.imul(words[word]! ^ (text.charCodeAt(i) + word), 0x85ebca6b);
      words[word] = mixed ^ (mixed >>> 13) ^ (mixed << 7);
    }
  }
  return words;
}
