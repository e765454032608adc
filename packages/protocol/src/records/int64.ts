/** 64-bit integers as JavaScript numbers, without BigInt: two 32-bit halves, exact up to 2^53 - 1. */

const twoTo32 = 4294967296;

/** The big-endian int32 at `position`. The caller has checked the bounds. */
export function int32At(bytes: Uint8Array, position: number): number {
  return (bytes[position]! << 24) | (bytes[position + 1]! << 16) | (bytes[position + 2]! << 8) | bytes[position + 3]!;
}

/** The big-endian int64 at `position`; exact only if `isSafeInt64` says so. The caller has checked the bounds. */
export function int64At(bytes: Uint8Array, position: number): number {
  return int32At(bytes, position) * twoTo32 + (int32At(bytes, position + 4) >>> 0);
}

/** Whether the int64 at `position` lies within a JavaScript number's exact range. */
export function isSafeInt64(bytes: Uint8Array, position: number): boolean {
  const high = int32At(bytes, position);
  if (high >= -0x200000 && high < 0x200000) return high !== -0x200000 || int32At(bytes, position + 4) !== 0;
  return false;
}

/** Writes an int32, big-endian. The caller has checked the bounds. */
export function setInt32At(bytes: Uint8Array, position: number, value: number): void {
  bytes[position] = value >>> 24;
  bytes[position + 1] = value >>> 16;
  bytes[position + 2] = value >>> 8;
  bytes[position + 3] = value;
}

/** Writes an int64, big-endian; throws a RangeError for what is not a safe integer. The caller has checked the bounds. */
export function setInt64At(bytes: Uint8Array, position: number, value: number): void {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} cannot be written as an int64: not a safe integer`);
  setInt32At(bytes, position, Math.floor(value / twoTo32));
  setInt32At(bytes, position + 4, value | 0);
}
