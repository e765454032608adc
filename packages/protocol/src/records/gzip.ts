import { gunzipSync, gzipSync } from "node:zlib";
import { brokenCompression, tooLarge } from "./errors.ts";

export function compressGzip(input: Buffer, level: number | undefined): Buffer {
  return gzipSync(input, level === undefined ? {} : { level });
}

/** Decompresses one gzip member or several, one behind the other. */
export function decompressGzip(input: Buffer, maxSize: number): Buffer {
  try {
    return gunzipSync(input, { maxOutputLength: maxSize });
  } catch (error) {
    throw isOutputTooLarge(error) ? tooLarge(maxSize) : brokenCompression("gzip", error);
  }
}

/** Whether node:zlib stopped because the output grew beyond `maxOutputLength`. */
export function isOutputTooLarge(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
