const twoTo32 = 4294967296;

/** The int64 at `position` as a number: exact up to 2^53 - 1, which is all that offsets, timestamps and producer ids in a sound file need. */
export function readInt64(buffer: Buffer, position: number): number {
  return buffer.readInt32BE(position) * twoTo32 + buffer.readUInt32BE(position + 4);
}

export function writeInt64(buffer: Buffer, value: number, position: number): void {
  buffer.writeInt32BE(Math.floor(value / twoTo32), position);
  buffer.writeInt32BE(value | 0, position + 4);
}
