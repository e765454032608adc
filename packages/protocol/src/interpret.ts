import { methodName } from "./compile-decoder.ts";
import { DecodeError, EncodeError } from "./errors.ts";
import { isFlexible, isNullable, layoutOf, type StructLayout, smallestSize } from "./layout.ts";
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
  const interpreter = new Interpreter(version, isFlexible(message, version), options.bigints ?? false);
  return {
    encode: (writer, value) => interpreter.writeStruct(writer, message.fields, value, message.name),
    decode: (reader) => interpreter.readStruct(reader, message.fields),
  };
}

class Interpreter {
  private readonly version: number;
  private readonly flexible: boolean;
  private readonly bigints: boolean;
  private readonly layouts = new Map<Fields, StructLayout>();
  private readonly smallest = new Map<Field, number>();

  constructor(version: number, flexible: boolean, bigints: boolean) {
    this.version = version;
    this.flexible = flexible;
    this.bigints = bigints;
  }

  readStruct(reader: Reader, fields: Fields): Struct {
    const { all, plain, tagged } = this.layout(fields);
    const value: Struct = {};
    // Keys come first, so that they stand in the order of the table whatever the order of reading.
    for (const { name } of all) value[name] = undefined;
    for (const { name, field } of plain) value[name] = this.readField(reader, field);
    if (this.flexible) {
      for (let left = reader.tagCount(); left > 0; left--) {
        const tag = reader.uvarint();
        const end = reader.tagEnd();
        const known = tagged.find(({ field }) => field.tag === tag);
        if (known === undefined) {
          reader.position = end;
          continue;
        }
        value[known.name] = this.readTagged(reader, known.field);
        reader.expectTagEnd(end);
      }
    }
    for (const { name, field } of all) if (value[name] === undefined) value[name] = this.defaultOf(field);
    return value;
  }

  writeStruct(writer: Writer, fields: Fields, value: unknown, path: string): void {
    if (typeof value !== "object" || value === null) throw new EncodeError(`${path}: expected an object, not ${value}`);
    const struct = value as Struct;
    const { plain, tagged, forbidden } = this.layout(fields);
    for (const { name, field } of forbidden) {
      if (struct[name] !== undefined && !this.isDefault(field, struct[name])) {
        throw new EncodeError(`${path}.${name}: not in version ${this.version}, expected nothing or the default`);
      }
    }
    for (const { name, field } of plain) {
      let part = struct[name];
      if (part === undefined && field.mayBeLeftOut) part = this.defaultOf(field);
      this.writeField(writer, field, part, `${path}.${name}`);
    }
    if (!this.flexible) return;
    const present = tagged.filter(
      ({ name, field }) => struct[name] !== undefined && !this.isDefault(field, struct[name]),
    );
    writer.uvarint(present.length);
    for (const { name, field } of present) {
      const body = new Writer();
      this.writeTagged(body, field, struct[name], `${path}.${name}`);
      writer.uvarint(field.tag);
      writer.uvarint(body.size);
      writer.raw(body.toBuffer());
    }
  }

  /** A nullable struct that is tagged has an unsigned varint before it, where any other has an int8 (trap 12). */
  private readTagged(reader: Reader, field: Field): unknown {
    if (field.kind !== "struct" || !isNullable(field, this.version)) return this.readField(reader, field);
    return reader.uvarint() === 0 ? null : this.readStruct(reader, field.fields ?? {});
  }

  private writeTagged(writer: Writer, field: Field, value: unknown, path: string): void {
    if (field.kind !== "struct" || !isNullable(field, this.version)) {
      this.writeField(writer, field, value, path);
      return;
    }
    writer.uvarint(value === null ? 0 : 1);
    if (value !== null) this.writeStruct(writer, field.fields ?? {}, value, path);
  }

  private readField(reader: Reader, field: Field): unknown {
    const nullable = isNullable(field, this.version);
    if (field.kind === "struct") {
      return nullable && !reader.structPresent() ? null : this.readStruct(reader, field.fields ?? {});
    }
    if (field.kind !== "array") return call(reader, this.method(field));
    const element = field.element as Field;
    const smallest = this.smallestOf(element);
    const count = this.flexible ? reader.compactArrayCount(smallest) : reader.arrayCount(smallest);
    if (count < 0) {
      if (nullable) return null;
      throw new DecodeError(`null where none is allowed at position ${reader.position} of ${reader.end}`);
    }
    const values = new Array<unknown>(count);
    for (let i = 0; i < count; i++) values[i] = this.readField(reader, element);
    return values;
  }

  private writeField(writer: Writer, field: Field, value: unknown, path: string): void {
    const nullable = isNullable(field, this.version);
    if (field.kind === "struct") {
      if (nullable) writer.int8(value === null ? -1 : 1);
      if (!(nullable && value === null)) this.writeStruct(writer, field.fields ?? {}, value, path);
      return;
    }
    if (field.kind === "array") {
      const count = this.flexible ? "compactArrayCount" : "arrayCount";
      if (nullable && value === null) {
        writer[count](-1);
        return;
      }
      if (!Array.isArray(value)) throw new EncodeError(`${path}: expected an array, not ${value}`);
      writer[count](value.length);
      for (const [index, part] of value.entries()) {
        this.writeField(writer, field.element as Field, part, `${path}[${index}]`);
      }
      return;
    }
    try {
      call(writer, this.method(field), value);
    } catch (error) {
      throw error instanceof EncodeError ? new EncodeError(`${path}: ${error.message}`) : error;
    }
  }

  private method(field: Field): string {
    const nullable = isNullable(field, this.version);
    if (field.kind === "string") return methodName("String", this.flexible, nullable);
    if (field.kind === "bytes" || field.kind === "records") return methodName("Bytes", this.flexible, nullable);
    return field.kind === "int64" && this.bigints ? "bigint64" : field.kind;
  }

  private layout(fields: Fields): StructLayout {
    let layout = this.layouts.get(fields);
    if (layout === undefined) {
      layout = layoutOf(fields, this.version);
      this.layouts.set(fields, layout);
    }
    return layout;
  }

  private smallestOf(element: Field): number {
    let size = this.smallest.get(element);
    if (size === undefined) {
      size = smallestSize(element, this.version, this.flexible);
      this.smallest.set(element, size);
    }
    return size;
  }

  private defaultOf(field: Field): unknown {
    if (field.default === null) return null;
    if (field.kind === "array") return [];
    if (field.kind === "int64" && this.bigints) return BigInt(field.default as number);
    if (field.kind !== "struct") return field.default;
    return Object.fromEntries(
      Object.entries(field.fields ?? {}).map(([name, inner]) => [name, this.defaultOf(inner)] as const),
    );
  }

  private isDefault(field: Field, value: unknown): boolean {
    if (field.default === null || value === null) return field.default === value;
    if (field.kind === "array" || field.kind === "bytes" || field.kind === "records") {
      return (value as { length: number }).length === 0;
    }
    if (field.kind !== "struct") return value === this.defaultOf(field);
    return Object.entries(field.fields ?? {}).every(([name, inner]) => {
      const part = (value as Struct)[name];
      return part === undefined || this.isDefault(inner, part);
    });
  }
}

/** Calls the method of the reader or writer that a field's kind names. */
function call(on: Reader | Writer, method: string, ...values: unknown[]): unknown {
  return (on as unknown as Record<string, (...values: unknown[]) => unknown>)[method]?.(...values);
}
