import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { brokenCompression, tooLarge } from "./errors.ts";
import { isOutputTooLarge } from "./gzip.ts";

export function compressZstd(input: Buffer, level: number | undefined): Buffer {
  return zstdCompressSync(input, level === undefined ? {} : { params: { [constants.ZSTD_c_compressionLevel]: level } });
}

export function decompressZstd(input: Buffer, maxSize: number): Buffer {
  try {
    return zstdDecompressSync(input, { maxOutputLength: maxSize });
  } catch (error) {
    throw isOutputTooLarge(error) ? tooLarge(maxSize) : brokenCompression("zstd", error);
  }
}
