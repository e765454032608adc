import { createRequire } from "node:module";

type NativeCrc = (bytes: Uint8Array, initial?: number) => number;

/** CRC-32C (Castagnoli) of `bytes` from `start` to `end`, as an unsigned 32-bit number; `initial` continues an earlier one. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, initial = 0): number {
  if (end - start < nativeFrom) return crc32cInJavaScript(bytes, start, end, initial);
  if (native === undefined) native = loadNativeCrc();
  if (native === null) return crc32cInJavaScript(bytes, start, end, initial);
  return native(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), initial);
}

/** Below this many bytes the way into the addon costs more than the work. */
const nativeFrom = 192;

/** undefined: not tried yet; null: the addon is not there. */
let native: NativeCrc | null | undefined;

/** The addon's function; null where it is not there: then JavaScript does it, a few times slower. */
export function loadNativeCrc(load: (name: string) => unknown = createRequire(import.meta.url)): NativeCrc | null {
  try {
    return (load("@node-rs/crc32") as { crc32c: NativeCrc }).crc32c;
  } catch {
    return null;
  }
}

/** The same in plain JavaScript, eight bytes at a step ("slicing by 8"); used where the addon is missing. */
export function crc32cInJavaScript(bytes: Uint8Array, start = 0, end = bytes.length, initial = 0): number {
  tables ??= makeTables();
  const table = tables;
  let crc = ~initial;
  let at = start;
  for (const last = end - 8; at <= last; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      table[1792 + (low & 255)]! ^
      table[1536 + ((low >>> 8) & 255)]! ^
      table[1280 + ((low >>> 16) & 255)]! ^
      table[1024 + (low >>> 24)]! ^
      table[768 + bytes[at + 4]!]! ^
      table[512 + bytes[at + 5]!]! ^
      table[256 + bytes[at + 6]!]! ^
      table[bytes[at + 7]!]!;
  }
  for (; at < end; at++) crc = table[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

let tables: Int32Array | undefined;

/** Eight tables of 256, one behind the other; table n moves a byte n places further through the register. */
function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    made[byte] = crc;
  }
  for (let at = 256; at < made.length; at++) {
    const previous = made[at - 256]!;
    made[at] = made[previous & 255]! ^ (previous >>> 8);
  }
  return made;
}
