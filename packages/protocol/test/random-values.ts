import type { Field, Fields } from "../src/index.ts";
import { isNullable, isPresent } from "../src/layout.ts";

/** A seeded source of random numbers (mulberry32): the same seed gives the same values on every run. */
export class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  /** A number in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** An integer in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  /** An integer of [low, high], the edges and their neighbours being likely. */
  integer(low: number, high: number): number {
    if (this.below(3) === 0)
      return this.pick([low, low + 1, -1, 0, 1, high - 1, high].filter((n) => n >= low && n <= high));
    return low + Math.floor(this.next() * (high - low));
  }
}

const texts = [
  "",
  "a",
  "orders",
  "é",
  "世界",
  "👋🏽",
  "x".repeat(39),
  "x".repeat(41),
  "y".repeat(127),
  "ü".repeat(200),
];

/** A random value for a table of fields at a version; fields that the version lacks are left out, some optional ones too. */
export function randomStruct(dice: Dice, fields: Fields, version: number): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    if (!isPresent(field, version)) continue;
    if (field.mayBeLeftOut && dice.below(4) === 0) continue;
    value[name] = randomValue(dice, field, version);
  }
  return value;
}

function randomValue(dice: Dice, field: Field, version: number): unknown {
  if (isNullable(field, version) && dice.below(5) === 0) return null;
  switch (field.kind) {
    case "bool":
      return dice.below(2) === 1;
    case "int8":
      return dice.integer(-0x80, 0x7f);
    case "int16":
      return dice.integer(-0x8000, 0x7fff);
    case "uint16":
      return dice.integer(0, 0xffff);
    case "int32":
      return dice.integer(-0x8000_0000, 0x7fff_ffff);
    case "uint32":
      return dice.integer(0, 0xffff_ffff);
    case "int64":
      return dice.integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    case "bigint64":
      return dice.pick([0n, -1n, 1n << 53n, (1n << 63n) - 1n, -(1n << 63n)]);
    case "float64":
      return dice.pick([0, -1.5, Number.MAX_VALUE, Number.POSITIVE_INFINITY, dice.next()]);
    case "string":
      return dice.pick(texts);
    case "bytes":
    case "records":
      return Buffer.alloc(dice.pick([0, 1, 17, 127, 128, 4095, 4096]), dice.below(256));
    case "uuid":
      return Buffer.from(Array.from({ length: 16 }, () => dice.below(dice.pick([1, 256])))).toString("base64url");
    case "array":
      return Array.from({ length: dice.pick([0, 1, 2, 3]) }, () => randomValue(dice, field.element as Field, version));
    case "struct":
      return randomStruct(dice, field.fields ?? {}, version);
  }
}
