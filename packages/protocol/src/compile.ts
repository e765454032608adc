import { DecoderSource } from "./compile-decoder.ts";
import { EncoderSource } from "./compile-encoder.ts";
import { emptyBytes, zeroUuid } from "./defaults.ts";
import { isFlexible } from "./layout.ts";
import type { Codec, Message } from "./schema.ts";

/**
 * Compiles the codec of one message at one version to flat JavaScript: one function per struct, each field a call on
 * the reader or writer, no closures, no walk through the table. Throws an `EvalError` where code must not be made from
 * text; `codec.ts` then falls back to the interpreter.
 */
export function compile(message: Message, version: number): Codec {
  const flexible = isFlexible(message, version);
  const decoder = new DecoderSource(version, flexible);
  const decode = decoder.structFunction(message.fields, message.name);
  const encoder = new EncoderSource(version, flexible);
  const encode = encoder.structFunction(message.fields, message.name);
  const text = [
    `"use strict";`,
    ...decoder.functions,
    ...encoder.functions,
    `return { encode: ${encode}, decode: ${decode} };`,
    `//# sourceURL=ottla-codec/${message.name}.v${version}.js`,
  ].join("\n");
  return new Function("emptyBytes", "zeroUuid", text)(emptyBytes, zeroUuid) as Codec;
}
