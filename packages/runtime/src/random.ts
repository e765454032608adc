/** Randomness as the rest of Ottla sees it; a seeded one in simulation. */
export interface Random {
  /** A number from 0 (included) to 1 (excluded). */
  float(): number;
  /** A whole number from 0 (included) to `below` (excluded); `below` is from 1 to 2^53. */
  integer(below: number): number;
  /** `size` random bytes, owned by the caller. */
  bytes(size: number): Buffer;
}

/** A random UUID (version 4) as `8-4-4-4-12` hexadecimal digits. */
export function randomUuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
