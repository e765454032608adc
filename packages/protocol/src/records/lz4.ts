import { brokenCompression, tooLarge } from "./errors.ts";
import { decodeLz4Block, lz4BlockOutputSize } from "./lz4-block.ts";
import { type Lz4Package, loadCodecPackage } from "./native-codec.ts";
import { xxhash32 } from "./xxhash32.ts";

/** Magic numbers, read as little-endian. */
const frameMagic = 0x184d2204;
const skippableMagic = 0x184d2a50;
/** Bits of a frame's flags. */
const flagIndependent = 0x20;
const flagBlockChecksum = 0x10;
const flagContentSize = 0x08;
const flagContentChecksum = 0x04;
const flagReserved = 0x02;
const flagDictionary = 0x01;
/** In a block's size: the block is stored as it is. */
const storedBit = 0x80000000;

let loaded: Lz4Package | undefined;

/** Compresses to one frame of independent blocks without checksums (the batch's CRC covers them), as Kafka reads it. */
export function compressLz4(input: Buffer): Buffer {
  loaded ??= loadCodecPackage<Lz4Package>("lz4", "lz4-napi");
  return loaded.compressFrameSync(input);
}

/**
 * Decompresses one frame or several, with blocks that depend on each other or not, with or without checksums. The
 * input is walked over twice: first for the size of the output, which is then allocated exactly, then to decode.
 */
export function decompressLz4(input: Buffer, maxSize: number): Buffer {
  const total = walkFrames(input, null, maxSize);
  const output = Buffer.allocUnsafeSlow(total);
  walkFrames(input, output, total);
  return output;
}

/** Decodes all frames into `output`, or without one only measures. Returns the size of the output. */
function walkFrames(input: Buffer, output: Buffer | null, maxSize: number): number {
  const state: State = { input, output, maxSize, at: 0, out: 0 };
  while (state.at < input.length) {
    const magic = state.at + 4 > input.length ? 0 : input.readUInt32LE(state.at);
    if (magic === frameMagic) walkFrame(state);
    else if ((magic & 0xfffffff0) === skippableMagic) state.at = endOfSkippable(state);
    else throw broken(`no frame starts at byte ${state.at}`);
  }
  return state.out;
}

interface State {
  readonly input: Buffer;
  readonly output: Buffer | null;
  readonly maxSize: number;
  /** Where reading goes on, in the input. */
  at: number;
  /** Where writing goes on, in the output. */
  out: number;
}

function endOfSkippable(state: State): number {
  state.at += 4;
  const end = takeUint32(state) + state.at;
  if (end > state.input.length) throw broken("a frame to be skipped is cut");
  return end;
}

function walkFrame(state: State): void {
  const { input } = state;
  const flagsAt = state.at + 4;
  const flags = input[flagsAt] ?? 0;
  const blockCode = (input[flagsAt + 1] ?? 0) >>> 4;
  if (flags >>> 6 !== 1 || (flags & flagReserved) !== 0) throw broken(`unknown flags 0x${flags.toString(16)}`);
  if ((flags & flagDictionary) !== 0) throw broken("it needs a dictionary");
  if (blockCode < 4 || blockCode > 7) throw broken(`unknown block size ${blockCode}`);
  const headerEnd = flagsAt + ((flags & flagContentSize) !== 0 ? 10 : 2);
  if (headerEnd >= input.length) throw broken("it is cut");
  if (((xxhash32(input, flagsAt, headerEnd) >>> 8) & 0xff) !== input[headerEnd]) {
    throw broken("a frame's header does not match its checksum");
  }
  state.at = headerEnd + 1;

  const outputStart = state.out;
  const largestBlock = 256 << (2 * blockCode);
  while (walkBlock(state, flags, largestBlock, outputStart));
  if ((flags & flagContentChecksum) !== 0) {
    const checksum = takeUint32(state);
    if (state.output !== null && xxhash32(state.output, outputStart, state.out) !== checksum) {
      throw broken("a frame's content does not match its checksum");
    }
  }
  if ((flags & flagContentSize) !== 0) {
    const announced = input.readUInt32LE(flagsAt + 6) * 2 ** 32 + input.readUInt32LE(flagsAt + 2);
    const size = state.out - outputStart;
    if (announced !== size) throw broken(`a frame announces ${announced} bytes and holds ${size}`);
  }
}

/** Measures or decodes one block; false at the mark behind the last. */
function walkBlock(state: State, flags: number, largestBlock: number, frameOutputStart: number): boolean {
  const { input, output } = state;
  const sizeField = takeUint32(state);
  if (sizeField === 0) return false;
  const isStored = sizeField >= storedBit;
  const start = state.at;
  const end = start + (isStored ? sizeField - storedBit : sizeField);
  if (end > input.length) throw broken(`a block of ${end - start} bytes is cut`);
  state.at = end;
  if ((flags & flagBlockChecksum) !== 0) {
    const checksum = takeUint32(state);
    if (output !== null && xxhash32(input, start, end) !== checksum)
      throw broken("a block does not match its checksum");
  }
  if (output === null) {
    const size = isStored ? end - start : lz4BlockOutputSize(input, start, end);
    if (size < 0 || size > largestBlock) throw broken("a block is broken");
    state.out += size;
    if (state.out > state.maxSize) throw tooLarge(state.maxSize);
  } else if (isStored) {
    state.out += input.copy(output, state.out, start, end);
  } else {
    const windowStart = (flags & flagIndependent) !== 0 ? state.out : frameOutputStart;
    state.out = decodeLz4Block(input, start, end, output, state.out, windowStart);
    if (state.out < 0) throw broken("a block refers to bytes before its start");
  }
  return true;
}

function takeUint32(state: State): number {
  if (state.at + 4 > state.input.length) throw broken("it is cut");
  const value = state.input.readUInt32LE(state.at);
  state.at += 4;
  return value;
}

function broken(reason: string): Error {
  return brokenCompression("lz4", reason);
}
