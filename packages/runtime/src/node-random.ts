import { randomBytes } from "node:crypto";
import type { Random } from "./random.ts";

/** Randomness from the system's cryptographic generator. */
export function nodeRandom(): Random {
  return random;
}

/** 53 random bits: as many as a number between 0 and 1 holds. */
function float(): number {
  const bytes = randomBytes(8);
  return ((bytes.readUInt32LE(0) >>> 5) * 2 ** 26 + (bytes.readUInt32LE(4) >>> 6)) / 2 ** 53;
}

const random: Random = {
  float,
  integer: (below) => Math.floor(float() * below),
  bytes: (size) => randomBytes(size),
};
