import { brokenCompression } from "./errors.ts";
import { loadCodecPackage } from "./native-codec.ts";

interface Whole {
  compressFrameSync(b: Buffer): Buffer;
  decompressFrameSync(b: Buffer): Buffer;
}

export function compressLz4(input: Buffer): Buffer {
  return loadCodecPackage<Whole>("lz4", "lz4-napi").compressFrameSync(input);
}

export function decompressLz4(input: Buffer, _maxSize: number): Buffer {
  try {
    return loadCodecPackage<Whole>("lz4", "lz4-napi").decompressFrameSync(input);
  } catch (error) {
    throw brokenCompression("lz4", error);
  }
}
