import { gunzipSync, gzipSync } from "node:zlib";
import { brokenCompression, tooLarge } from "./errors.ts";

export function compressGzip(input: Buffer, level: number | undefined): Buffer {
  return gzipSync(input, level === undefined ? {} : { level });
}

/** Decompresses one gzip member or several, one behind the other. */
export function decompressGzip(input: Buffer, maxSize: number): Buffer {
  const output = readMembers(input, maxSize);
  if (output.length > maxSize) throw tooLarge(maxSize);
  return withoutSlack(output);
}

function readMembers(input: Buffer, maxSize: number): Buffer {
  const chunkSize = Math.min(Math.max(input.length * 8, 4096), 256 * 1024);
  try {
    return gunzipSync(input, { chunkSize, maxOutputLength: maxSize + 1 });
  } catch (error) {
    throw isOutputTooLarge(error) ? tooLarge(maxSize) : brokenCompression("gzip", error);
  }
}

/** Whether node:zlib stopped because the output grew beyond `maxOutputLength`. */
export function isOutputTooLarge(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}

/** Output that fills less than half of its large piece of memory is copied, lest a slice of it keep the rest alive. */
export function withoutSlack(output: Buffer): Buffer {
  const held = output.buffer.byteLength;
  return held > 64 * 1024 && held > 2 * output.length ? Buffer.from(output) : output;
}
