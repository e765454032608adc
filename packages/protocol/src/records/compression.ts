import type { Codec } from "./codecs.ts";
import { compressGzip, decompressGzip } from "./gzip.ts";
import { compressLz4, decompressLz4 } from "./lz4.ts";
import { compressSnappy, decompressSnappy } from "./snappy.ts";
import { compressZstd, decompressZstd } from "./zstd.ts";

/** What decompressing may give at most; beyond it, `CorruptBatchError` of kind `tooLarge`. */
export interface DecompressionLimits {
  /** In bytes. Default 100 MiB. */
  maxDecompressedSize?: number;
  /** How many times the compressed size, as soon as the result is larger than 16 MiB. Default 1,000. */
  maxDecompressionRatio?: number;
}

const defaultMaxSize = 100 * 1024 * 1024;
const defaultMaxRatio = 1000;
/** Up to here no ratio is suspicious: a batch of equal records shrinks by any factor. */
const anyRatioUpTo = 16 * 1024 * 1024;

/**
 * Compresses the records of a batch. `level` is the codec's own (gzip 1 to 9, lz4 and snappy have none, zstd 1 to 22);
 * its default is the codec's. Throws `CodecUnavailableError`.
 */
export function compress(codec: Codec, bytes: Uint8Array, level?: number): Buffer {
  const input = asBuffer(bytes);
  switch (codec) {
    case "none":
      return input;
    case "gzip":
      return compressGzip(input, level);
    case "snappy":
      return compressSnappy(input);
    case "lz4":
      return compressLz4(input);
    case "zstd":
      return compressZstd(input, level);
  }
}

/**
 * Decompresses the records of a batch, never to more than the limits allow, whatever the bytes claim. Throws
 * `CorruptBatchError` (kinds `compression`, `tooLarge`; its position is 0) and `CodecUnavailableError`.
 */
export function decompress(codec: Codec, bytes: Uint8Array, limits: DecompressionLimits = {}): Buffer {
  const input = asBuffer(bytes);
  const maxRatio = limits.maxDecompressionRatio ?? defaultMaxRatio;
  const maxSize = Math.min(
    limits.maxDecompressedSize ?? defaultMaxSize,
    Math.max(anyRatioUpTo, Math.floor(input.length * maxRatio)),
  );
  switch (codec) {
    case "none":
      return input;
    case "gzip":
      return decompressGzip(input, maxSize);
    case "snappy":
      return decompressSnappy(input, maxSize);
    case "lz4":
      return decompressLz4(input, maxSize);
    case "zstd":
      return decompressZstd(input, maxSize);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
