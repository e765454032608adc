import { createRequire } from "node:module";
import { CodecUnavailableError } from "./errors.ts";

/** What the snappy package offers of use here. */
export interface SnappyPackage {
  compressSync(input: Uint8Array): Buffer;
  uncompressSync(input: Uint8Array): Buffer;
}

/** What the lz4-napi package offers of use here. */
export interface Lz4Package {
  compressFrameSync(input: Uint8Array): Buffer;
}

const load = createRequire(import.meta.url);

/** Loads a codec's package when it is first needed. Throws `CodecUnavailableError`. */
export function loadCodecPackage<T>(codec: string, packageName: string, loader: (name: string) => unknown = load): T {
  try {
    return loader(packageName) as T;
  } catch (error) {
    throw new CodecUnavailableError(codec, packageName, error);
  }
}
