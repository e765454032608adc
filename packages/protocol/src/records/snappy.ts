import { brokenCompression, tooLarge } from "./errors.ts";
import { int32At, setInt32At } from "./int64.ts";
import { loadCodecPackage, type SnappyPackage } from "./native-codec.ts";

/** What Java's snappy stream starts with: a mark, the format's version, the oldest version that can read it. */
const streamHeader = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
const streamMark = int32At(streamHeader, 0);
/** How much goes into one block, as Java does it in Kafka. */
const blockSize = 32 * 1024;
/** A block's element of three bytes gives 64: no snappy block can grow by more. */
const largestGrowth = 22;

let loaded: SnappyPackage | undefined;

function snappy(): SnappyPackage {
  loaded ??= loadCodecPackage<SnappyPackage>("snappy", "snappy");
  return loaded;
}

/** Compresses to the framing of Java's snappy stream: blocks, each behind its size as an int32. */
export function compressSnappy(input: Buffer): Buffer {
  const { compressSync } = snappy();
  const parts: Buffer[] = [streamHeader];
  for (let at = 0; at < input.length; at += blockSize) {
    const block = compressSync(input.subarray(at, at + blockSize));
    const size = Buffer.allocUnsafe(4);
    setInt32At(size, 0, block.length);
    parts.push(size, block);
  }
  return Buffer.concat(parts);
}

/** Decompresses Java's framing, or a bare block as other clients write it. */
export function decompressSnappy(input: Buffer, maxSize: number): Buffer {
  if (!isStream(input)) {
    const size = checkedSize(input, maxSize);
    return decompressBlock(input, size);
  }
  const parts: Buffer[] = [];
  let total = 0;
  let at = 0;
  while (at < input.length) {
    const size = input.length - at < 4 ? -1 : int32At(input, at);
    // Streams may stand one behind the other, each with its header.
    if (size === streamMark && isStream(input.subarray(at))) {
      at += streamHeader.length;
      continue;
    }
    at += 4;
    if (size < 0 || size > input.length - at)
      throw broken(`a block of ${size} bytes, with ${Math.max(0, input.length - at)} left`);
    const block = input.subarray(at, at + size);
    const blockLength = checkedSize(block, maxSize - total);
    parts.push(decompressBlock(block, blockLength));
    total += blockLength;
    at += size;
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, total);
}

function isStream(input: Buffer): boolean {
  return input.length >= streamHeader.length && input.compare(streamHeader, 0, 8, 0, 8) === 0;
}

/**
 * The uncompressed size that a block announces, held against the bound and against what its bytes can give at all:
 * the addon allocates what is announced.
 */
function checkedSize(block: Buffer, maxSize: number): number {
  let size = 0;
  for (let n = 0; n < 5; n++) {
    const byte = block[n];
    if (byte === undefined) break;
    size += (byte & 0x7f) * 2 ** (7 * n);
    if (byte >= 0x80) continue;
    if (size > maxSize) throw tooLarge(maxSize);
    if (size > block.length * largestGrowth)
      throw broken(`a block of ${block.length} bytes cannot hold the ${size} that it announces`);
    return size;
  }
  throw broken("a block does not say its size");
}

function decompressBlock(block: Buffer, size: number): Buffer {
  const { uncompressSync } = snappy();
  let output: Buffer;
  try {
    output = uncompressSync(block);
  } catch (error) {
    throw brokenCompression("snappy", error);
  }
  if (output.length !== size) throw broken(`a block gave ${output.length} bytes instead of ${size}`);
  return output;
}

function broken(reason: string): Error {
  return brokenCompression("snappy", reason);
}
