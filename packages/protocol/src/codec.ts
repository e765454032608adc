import { compile } from "./compile.ts";
import { DecodeError, EncodeError } from "./errors.ts";
import { interpret } from "./interpret.ts";
import { Reader } from "./reader.ts";
import type { Codec, Input, Message, Value } from "./schema.ts";
import { Writer } from "./writer.ts";

/** Where `new Function` is forbidden (a page's content security policy), compiling throws; interpreting always works. */
function makeCodec(message: Message, version: number): Codec {
  try {
    return compile(message, version);
  } catch (error) {
    if (error instanceof EvalError) return interpret(message, version);
    throw error;
  }
}

/** Whether the message is declared for the version. */
export function hasVersion(message: Message, version: number): boolean {
  return version >= message.minVersion && version <= message.maxVersion;
}

function codecOf(message: Message, version: number): Codec | undefined {
  const known = message.codecs[version];
  if (known !== undefined) return known;
  if (!Number.isInteger(version) || !hasVersion(message, version)) return undefined;
  const codec = makeCodec(message, version);
  // Holes would make the array slow; versions are few.
  while (message.codecs.length < version) message.codecs.push(undefined);
  message.codecs[version] = codec;
  return codec;
}

/** Encodes the body of a message into a writer. Throws an `EncodeError` that names the field. */
export function encodeInto<M extends Message>(writer: Writer, message: M, version: number, value: Input<M>): void {
  const codec = codecOf(message, version);
  if (codec === undefined) throw new EncodeError(`${message.name} has no version ${version}`);
  try {
    codec.encode(writer, value);
  } catch (error) {
    throw withPath(message, version, value, error);
  }
}

/** Encodes the body of a message: for small ones, and where one buffer is wanted. Throws an `EncodeError`. */
export function encode<M extends Message>(message: M, version: number, value: Input<M>): Buffer {
  const writer = new Writer();
  encodeInto(writer, message, version, value);
  return writer.toBuffer();
}

/**
 * Decodes the body of a message; bytes and records in it are slices of what is given. Throws a `DecodeError`, also when
 * bytes are left over, unless a `Reader` is given: it then stands after the body.
 */
export function decode<M extends Message>(message: M, version: number, from: Uint8Array | Reader): Value<M> {
  const codec = codecOf(message, version);
  if (codec === undefined) throw new DecodeError(`${message.name} has no version ${version}`);
  const reader = from instanceof Reader ? from : new Reader(from);
  try {
    const value = codec.decode(reader);
    if (reader !== from) reader.expectEnd();
    return value as Value<M>;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new DecodeError(`${message.name} v${version}: ${error.message}`, { cause: error });
  }
}

/** Compiled encoders do not know where they are: the interpreter meets the same error and says the path. */
function withPath(message: Message, version: number, value: unknown, error: unknown): unknown {
  try {
    interpret(message, version).encode(new Writer(), value);
  } catch (better) {
    if (better instanceof EncodeError) {
      return new EncodeError(`${better.message} (version ${version})`, { cause: error });
    }
  }
  return error;
}
