import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { brokenCompression, tooLarge } from "./errors.ts";
import { isOutputTooLarge, withoutSlack } from "./gzip.ts";

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
/** No block gives more than this. */
const largestBlock = 128 * 1024;
/** How many bytes the content size takes, by its flag; with flag 0 only a "single segment" has one. */
const contentSizeBytes = [0, 2, 4, 8];
const dictionaryIdBytes = [0, 1, 2, 4];
/** What a frame's output is expected to be, as a multiple, where the frame does not say. */
const usualRatio = 8;
/** Memory is taken for at least so much output at once, and for at most so many times the input, whatever it announces. */
const leastPiece = 4096;
const pieceRatio = 64;
/** Every frame costs a decoder: beyond so many, frames must be of some size. Kafka's clients write one a batch. */
const freeFrames = 16;
const averageFrameSize = 256;

export function compressZstd(input: Buffer, level: number | undefined): Buffer {
  return zstdCompressSync(input, level === undefined ? {} : { params: { [constants.ZSTD_c_compressionLevel]: level } });
}

/**
 * Decompresses one frame or several. Node's decoder stops silently behind the first frame and at a cut one, so the
 * frames are walked over here first; that gives a bound on each one's output, too.
 */
export function decompressZstd(input: Buffer, maxSize: number): Buffer {
  const parts: Buffer[] = [];
  let total = 0;
  for (let at = 0; at < input.length; ) {
    const magic = uint32At(input, at);
    if ((magic & 0xfffffff0) === skippableMagic) {
      at += 8 + uint32At(input, at + 4);
      if (at > input.length) throw broken("a frame to be skipped is cut");
      continue;
    }
    if (magic !== frameMagic) throw broken(`no frame starts at byte ${at}`);
    if (parts.length >= freeFrames + input.length / averageFrameSize) throw broken("it has too many frames");
    const frame = readFrame(input, at);
    if (frame.contentSize > maxSize - total) throw tooLarge(maxSize);
    const part = decompressFrame(input.subarray(at, frame.end), frame, maxSize - total, maxSize);
    parts.push(part);
    total += part.length;
    if (total > maxSize) throw tooLarge(maxSize);
    at = frame.end;
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, total);
}

interface Frame {
  end: number;
  /** What the frame says it holds, in bytes; -1 if it does not say. */
  contentSize: number;
  /** What its blocks can hold at most. */
  largestOutput: number;
}

function decompressFrame(input: Buffer, frame: Frame, left: number, maxSize: number): Buffer {
  const expected = frame.contentSize < 0 ? input.length * usualRatio : frame.contentSize;
  // One byte more than expected, so that node:zlib need not begin a second piece to find the end.
  const chunkSize = 1 + Math.min(Math.max(expected, leastPiece), frame.largestOutput, input.length * pieceRatio);
  try {
    return withoutSlack(zstdDecompressSync(input, { chunkSize: Math.max(chunkSize, 64), maxOutputLength: left + 1 }));
  } catch (error) {
    throw isOutputTooLarge(error) ? tooLarge(maxSize) : brokenCompression("zstd", error);
  }
}

/** Reads a frame's header and walks over its blocks (RFC 8878). */
function readFrame(input: Buffer, start: number): Frame {
  const descriptor = input[start + 4] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : contentSizeBytes[sizeFlag]!;
  const sizeAt = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes[descriptor & 3]!;
  const blocksStart = sizeAt + sizeBytes;
  if (blocksStart > input.length) throw broken("it is cut");
  const frame: Frame = { end: 0, contentSize: contentSizeAt(input, sizeAt, sizeBytes), largestOutput: 0 };
  let at = blocksStart;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > input.length) throw broken("it is cut");
    const header = input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16);
    const size = header >>> 3;
    const type = (header >>> 1) & 3;
    if (type === 3) throw broken("a block is of an unknown type");
    isLast = (header & 1) !== 0;
    // Stored, one byte repeated, compressed.
    frame.largestOutput += type === 2 ? largestBlock : size;
    at += 3 + (type === 1 ? 1 : size);
  }
  if ((descriptor & 0x04) !== 0) at += 4; // checksum
  if (at > input.length) throw broken("it is cut");
  if (frame.contentSize > frame.largestOutput)
    throw broken(`a frame cannot hold the ${frame.contentSize} bytes that it announces`);
  frame.end = at;
  return frame;
}

function contentSizeAt(input: Buffer, at: number, bytes: number): number {
  switch (bytes) {
    case 0:
      return -1;
    case 1:
      return input[at]!;
    case 2:
      return input.readUInt16LE(at) + 256;
    case 4:
      return input.readUInt32LE(at);
    default:
      return input.readUInt32LE(at + 4) * 2 ** 32 + input.readUInt32LE(at);
  }
}

function uint32At(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) throw broken("it is cut");
  return bytes.readUInt32LE(at);
}

function broken(reason: string): Error {
  return brokenCompression("zstd", reason);
}
