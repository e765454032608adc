/** A header of a record (KIP-82): key and value. One key may occur several times. */
export type MessageHeader = readonly [key: string, value: Buffer | null];

const noHeaders: readonly MessageHeader[] = Object.freeze([]);

/** Copies the headers out of a record that has been checked; `start` is where their number stands, 0 for none. */
export function readHeaders(bytes: Buffer, start: number): readonly MessageHeader[] {
  if (start === 0) return noHeaders;
  const from = { bytes, at: start };
  const count = varint(from);
  const headers: MessageHeader[] = [];
  for (let n = 0; n < count; n++) {
    const keySize = varint(from);
    const key = bytes.toString("utf8", from.at, from.at + keySize);
    from.at += keySize;
    const valueSize = varint(from);
    const value = valueSize < 0 ? null : Buffer.from(bytes.subarray(from.at, from.at + valueSize));
    from.at += Math.max(0, valueSize);
    headers.push([key, value]);
  }
  return headers;
}

/** A zigzag varint of 32 bits. */
function varint(from: { bytes: Buffer; at: number }): number {
  let raw = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = from.bytes[from.at++]!;
    raw |= (byte & 0x7f) << shift;
    if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
  }
}
