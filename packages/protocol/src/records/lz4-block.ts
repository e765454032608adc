/**
 * Decodes blocks of lz4, in two passes: the first walks over the lengths, so that the output can be allocated exactly
 * and held against a bound before a byte is copied; the second copies. In JavaScript, because it is as fast as a call
 * of the addon together with the copies around it, and needs no trust in a size that a block does not even carry.
 */

/** A match is at least this long. */
const shortestMatch = 4;
/** Up to this many bytes a loop beats a call. */
const loopUpTo = 32;

/** How many bytes the block from `start` to `end` decodes to; -1 if it is broken. */
export function lz4BlockOutputSize(block: Uint8Array, start: number, end: number): number {
  let at = start;
  let size = 0;
  while (at < end) {
    const token = block[at++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (at >= end) return -1;
        more = block[at++]!;
        literals += more;
      }
    }
    at += literals;
    size += literals;
    // The last sequence has literals only.
    if (at === end) return size;
    at += 2;
    if (at > end) return -1;
    let match = token & 15;
    if (match === 15) {
      let more = 255;
      while (more === 255) {
        if (at >= end) return -1;
        more = block[at++]!;
        match += more;
      }
    }
    size += match + shortestMatch;
  }
  // Ends behind a match, or is empty: not what the format allows.
  return -1;
}

/**
 * Decodes a block that `lz4BlockOutputSize` accepted into `output` at `outputStart`, where that many bytes are free.
 * Matches may reach back to `windowStart`. Returns where the output ends; -1 if a match reaches beyond.
 */
export function decodeLz4Block(
  block: Buffer,
  start: number,
  end: number,
  output: Buffer,
  outputStart: number,
  windowStart: number,
): number {
  let at = start;
  let out = outputStart;
  while (at < end) {
    const token = block[at++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        more = block[at++]!;
        literals += more;
      }
    }
    if (literals > loopUpTo) {
      block.copy(output, out, at, at + literals);
      at += literals;
      out += literals;
    } else {
      for (const literalsEnd = at + literals; at < literalsEnd; ) output[out++] = block[at++]!;
    }
    if (at === end) return out;
    const distance = block[at]! | (block[at + 1]! << 8);
    at += 2;
    const from = out - distance;
    if (distance === 0 || from < windowStart) return -1;
    let match = token & 15;
    if (match === 15) {
      let more = 255;
      while (more === 255) {
        more = block[at++]!;
        match += more;
      }
    }
    match += shortestMatch;
    copyMatch(output, out, from, match);
    out += match;
  }
  return -1;
}

/** Copies within the output; where the two overlap, what was just written is repeated. */
function copyMatch(output: Buffer, start: number, from: number, size: number): void {
  if (size <= loopUpTo) {
    for (let n = 0; n < size; n++) output[start + n] = output[from + n]!;
    return;
  }
  // What is there repeats with the period `start - from`; each step can copy twice as much as the one before.
  let done = 0;
  while (done < size) {
    const piece = Math.min(size - done, start + done - from);
    output.copyWithin(start + done, from, from + piece);
    done += piece;
  }
}
