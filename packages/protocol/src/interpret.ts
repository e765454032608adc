import { methodName } from "./compile-decoder.ts";
import { DecodeError, EncodeError } from "./errors.ts";
import { forbiddenFields, isFlexible, isNullable, named, plainFields, smallestSize, taggedFields } from "./layout.ts";
import type { Reader } from "./reader.ts";
import type { Codec, Field, Fields, Message } from "./schema.ts";
import { Writer } from "./writer.ts";

/**
 * The slow way from a table to bytes and back: walks the table for each value. It is what the compiled codecs are
 * tested against, what runs where `new Function` is forbidden, and what finds the path of a field that cannot be encoded.
 */

/** How int64 fields appear: as safe integers (the default), or as bigints, which can hold every value. */
export interface InterpretOptions {
  readonly bigints?: boolean;
}

type Struct = Record<string, unknown>;

/** An interpreted codec for one version of a message. */
export function interpret(message: Message, version: number, options: InterpretOptions = {}): Codec {
  const context: Context = { version, flexible: isFlexible(message, version), bigints: options.bigints ?? false };
  return {
    encode: (writer, value) => writeStruct(context, writer, message.fields, value, message.name),
    decode: (reader) => readStruct(context, reader, message.fields),
  };
}

interface Context {
  readonly version: number;
  readonly flexible: boolean;
  readonly bigints: boolean;
}

/** The default of a field, made anew. */
export function defaultOf(field: Field, bigints = false): unknown {
  if (field.default === null) return null;
  if (field.kind === "array") return [];
  if (field.kind === "int64" && bigints) return BigInt(field.default as number);
  if (field.kind !== "struct") return field.default;
  return Object.fromEntries(
    named(field.fields ?? {}).map(({ name, field: inner }) => [name, defaultOf(inner, bigints)]),
  );
}

function isDefault(field: Field, value: unknown, bigints: boolean): boolean {
  if (field.default === null || value === null) return field.default === value;
  if (field.kind === "array" || field.kind === "bytes" || field.kind === "records") {
    return (value as { length: number }).length === 0;
  }
  if (field.kind !== "struct") return value === defaultOf(field, bigints);
  return named(field.fields ?? {}).every(({ name, field: inner }) => {
    const part = (value as Struct)[name];
    return part === undefined || isDefault(inner, part, bigints);
  });
}

function readStruct(context: Context, reader: Reader, fields: Fields): Struct {
  const found: Struct = {};
  for (const { name, field } of plainFields(fields, context.version)) found[name] = readField(context, reader, field);
  if (context.flexible) readTags(context, reader, fields, found);
  const value: Struct = {};
  for (const { name, field } of named(fields)) {
    value[name] = name in found ? found[name] : defaultOf(field, context.bigints);
  }
  return value;
}

function readTags(context: Context, reader: Reader, fields: Fields, found: Struct): void {
  const tagged = taggedFields(fields, context.version);
  for (let left = reader.tagCount(); left > 0; left--) {
    const tag = reader.uvarint();
    const end = reader.tagEnd();
    const known = tagged.find(({ field }) => field.tag === tag);
    if (known === undefined) {
      reader.position = end;
      continue;
    }
    if (known.field.kind === "struct" && isNullable(known.field, context.version)) {
      found[known.name] = reader.uvarint() === 0 ? null : readStruct(context, reader, known.field.fields ?? {});
    } else {
      found[known.name] = readField(context, reader, known.field);
    }
    reader.expectTagEnd(end);
  }
}

function readField(context: Context, reader: Reader, field: Field): unknown {
  const nullable = isNullable(field, context.version);
  switch (field.kind) {
    case "string":
    case "bytes":
    case "records":
      return call(reader, methodOf(field, context.flexible, nullable));
    case "int64":
      return context.bigints ? reader.bigint64() : reader.int64();
    case "struct":
      if (nullable && !reader.structPresent()) return null;
      return readStruct(context, reader, field.fields ?? {});
    case "array": {
      const element = field.element as Field;
      const smallest = smallestSize(element, context.version, context.flexible);
      const count = context.flexible ? reader.compactArrayCount(smallest) : reader.arrayCount(smallest);
      if (count < 0) {
        if (nullable) return null;
        throw new DecodeError(`null where none is allowed at position ${reader.position} of ${reader.end}`);
      }
      return Array.from({ length: count }, () => readField(context, reader, element));
    }
    default:
      return call(reader, field.kind);
  }
}

function writeStruct(context: Context, writer: Writer, fields: Fields, value: unknown, path: string): void {
  if (typeof value !== "object" || value === null) throw new EncodeError(`${path}: expected an object, not ${value}`);
  const struct = value as Struct;
  for (const { name, field } of forbiddenFields(fields, context.version)) {
    if (struct[name] !== undefined && !isDefault(field, struct[name], context.bigints)) {
      throw new EncodeError(`${path}.${name}: not in version ${context.version}, expected nothing or the default`);
    }
  }
  for (const { name, field } of plainFields(fields, context.version)) {
    let part = struct[name];
    if (part === undefined && field.mayBeLeftOut) part = defaultOf(field, context.bigints);
    writeField(context, writer, field, part, `${path}.${name}`);
  }
  if (context.flexible) writeTags(context, writer, fields, struct, path);
}

function writeTags(context: Context, writer: Writer, fields: Fields, struct: Struct, path: string): void {
  const present = taggedFields(fields, context.version).filter(
    ({ name, field }) => struct[name] !== undefined && !isDefault(field, struct[name], context.bigints),
  );
  writer.uvarint(present.length);
  for (const { name, field } of present) {
    const body = new Writer();
    const value = struct[name];
    if (field.kind === "struct" && isNullable(field, context.version)) {
      body.uvarint(value === null ? 0 : 1);
      if (value !== null) writeStruct(context, body, field.fields ?? {}, value, `${path}.${name}`);
    } else {
      writeField(context, body, field, value, `${path}.${name}`);
    }
    writer.uvarint(field.tag);
    writer.uvarint(body.size);
    writer.raw(body.toBuffer());
  }
}

function writeField(context: Context, writer: Writer, field: Field, value: unknown, path: string): void {
  const nullable = isNullable(field, context.version);
  if (field.kind === "struct") {
    if (nullable) writer.int8(value === null ? -1 : 1);
    if (!(nullable && value === null)) writeStruct(context, writer, field.fields ?? {}, value, path);
    return;
  }
  if (field.kind === "array") {
    const count = context.flexible ? "compactArrayCount" : "arrayCount";
    if (nullable && value === null) {
      writer[count](-1);
      return;
    }
    if (!Array.isArray(value)) throw new EncodeError(`${path}: expected an array, not ${value}`);
    writer[count](value.length);
    value.forEach((part, index) => {
      writeField(context, writer, field.element as Field, part, `${path}[${index}]`);
    });
    return;
  }
  const method = field.kind === "int64" && context.bigints ? "bigint64" : methodOf(field, context.flexible, nullable);
  try {
    call(writer, method, value);
  } catch (error) {
    throw error instanceof EncodeError ? new EncodeError(`${path}: ${error.message}`) : error;
  }
}

function methodOf(field: Field, flexible: boolean, nullable: boolean): string {
  if (field.kind === "string") return methodName("String", flexible, nullable);
  if (field.kind === "bytes" || field.kind === "records") return methodName("Bytes", flexible, nullable);
  return field.kind;
}

function call(on: Reader | Writer, method: string, ...values: unknown[]): unknown {
  return (on as unknown as Record<string, (...values: unknown[]) => unknown>)[method]?.(...values);
}
