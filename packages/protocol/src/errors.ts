/** Bytes that are not the message they should be: cut short, lengths that cannot be, a number out of range. */
export class DecodeError extends Error {
  override readonly name: string = "DecodeError";
}

/** A value that cannot be encoded: wrong type, out of range, or a field that the version does not have. */
export class EncodeError extends Error {
  override readonly name: string = "EncodeError";
}
