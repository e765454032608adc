/**
 * The schema language: a Kafka message is a table of fields, declared once, in wire order. The TypeScript types are
 * inferred from the table (`Value`, `Input`), the codec for one version is compiled from it (`compile.ts`).
 */

import { emptyBytes, zeroUuid } from "./defaults.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** What a field is on the wire. `bigint64` is an int64 that is a bigint in JavaScript. */
export type FieldKind =
  | "bool"
  | "int8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "bigint64"
  | "float64"
  | "string"
  | "bytes"
  | "records"
  | "uuid"
  | "array"
  | "struct";

/** What may be said about any field. */
export interface FieldOptions<T> {
  /** First version that has the field. Default: the message's first. */
  readonly since?: number;
  /** Last version that has the field. Default: the message's last. */
  readonly until?: number;
  /** Whether null may be sent; a number is the first version where it may. Default: false. */
  readonly nullable?: boolean | number;
  /** Tag number, for a tagged field: it is written after the others, and only when it is not the default. */
  readonly tag?: number;
  /**
   * The value where the message does not carry one. Default: 0, false, "", no bytes, `[]`, the zero uuid, null for
   * records, a struct of defaults. A nullable field does not default to null unless it says so here.
   */
  readonly default?: T | null;
  /** Whether a value may be dropped silently at a version without the field; otherwise that is an `EncodeError`. */
  readonly ignorable?: boolean;
}

/**
 * One field of a table. `Out` is the type that decoding yields, `In` what encoding takes, `Optional` whether it may be
 * left out when encoding.
 */
export interface Field<Out = unknown, In = unknown, Optional extends boolean = boolean> {
  readonly kind: FieldKind;
  readonly since: number;
  readonly until: number;
  /** First version where null is allowed; Infinity when never. */
  readonly nullableSince: number;
  /** -1: not tagged. */
  readonly tag: number;
  /** Undefined for an array means `[]`, for a struct a struct of defaults. */
  readonly default: unknown;
  readonly ignorable: boolean;
  /** Whether `Input` makes the field optional. */
  readonly mayBeLeftOut: boolean;
  /** The element of an array. */
  readonly element: Field | null;
  /** The fields of a struct. */
  readonly fields: Fields | null;
  /** Never set: carries the types. */
  readonly types?: { readonly out: Out; readonly in: In; readonly optional: Optional };
}

/** The fields of a message or struct, in wire order. */
export interface Fields {
  readonly [name: string]: Field;
}

type NoOptions = Record<never, never>;
type Nullable<T, O> = O extends { readonly nullable: true | number } ? T | null : T;
type IsOptional<O> = O extends
  | { readonly since: number }
  | { readonly until: number }
  | { readonly tag: number }
  | { readonly default: unknown }
  | { readonly ignorable: true }
  ? true
  : false;
type FieldOf<Out, In, O> = Field<Nullable<Out, O>, Nullable<In, O>, IsOptional<O>>;

type OutOf<F> = F extends Field<infer Out, unknown, boolean> ? Out : never;
type InOf<F> = F extends { readonly types?: { readonly in: infer In } } ? In : never;
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends { readonly types?: { readonly optional: true } } ? K : never;
}[keyof F];

/** The decoded form of a table of fields: every field present. */
export type StructValue<F extends Fields> = { -readonly [K in keyof F]: OutOf<F[K]> };
/** What encoding takes for a table of fields. */
export type StructInput<F extends Fields> = {
  readonly [K in Exclude<keyof F, OptionalKeys<F>>]: InOf<F[K]>;
} & { readonly [K in OptionalKeys<F>]?: InOf<F[K]> | undefined };

/** A declared message. */
export interface Message<F extends Fields = Fields> {
  readonly name: string;
  /** The API key of a request or response, the record type of a stored key; -1 for the rest. */
  readonly key: number;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** First version with compact lengths and tagged fields; Infinity when there is none. */
  readonly flexibleSince: number;
  readonly fields: F;
  /** Compiled codecs by version, filled by `codec.ts` on first use. */
  readonly codecs: (Codec | undefined)[];
}

/** Encoder and decoder of one message at one version. */
export interface Codec {
  encode(writer: Writer, value: unknown): void;
  decode(reader: Reader): unknown;
}

/** What decoding a message yields: every field present, those that its version lacks with their defaults. */
export type Value<M> = M extends Message<infer F> ? StructValue<F> : never;
/**
 * What encoding a message takes. Fields that not every version has, tagged and ignorable ones and those with a declared
 * default may be left out, and then take the default.
 */
export type Input<M> = M extends Message<infer F> ? StructInput<F> : never;

/** Declares a message. `versions` is the first and last one; `flexible` the first with compact lengths and tags. */
export function message<const F extends Fields>(
  name: string,
  about: { readonly key?: number; readonly versions: readonly [number, number]; readonly flexible: number | "none" },
  fields: F,
): Message<F> {
  return {
    name,
    key: about.key ?? -1,
    minVersion: about.versions[0],
    maxVersion: about.versions[1],
    flexibleSince: about.flexible === "none" ? Number.POSITIVE_INFINITY : about.flexible,
    fields,
    codecs: [],
  };
}

function field(
  kind: FieldKind,
  options: FieldOptions<unknown> | undefined,
  zero: unknown,
  element: Field | null = null,
  fields: Fields | null = null,
): Field {
  const nullable = options?.nullable ?? false;
  return {
    kind,
    since: options?.since ?? 0,
    until: options?.until ?? Number.POSITIVE_INFINITY,
    nullableSince: nullable === true ? 0 : nullable === false ? Number.POSITIVE_INFINITY : nullable,
    tag: options?.tag ?? -1,
    default: options?.default === undefined ? zero : options.default,
    ignorable: options?.ignorable ?? false,
    mayBeLeftOut:
      options?.since !== undefined ||
      options?.until !== undefined ||
      options?.tag !== undefined ||
      options?.default !== undefined ||
      options?.ignorable === true,
    element,
    fields,
  };
}

/** A boolean: one byte, any but 0 read as true. */
export function bool<const O extends FieldOptions<boolean> = NoOptions>(options?: O): FieldOf<boolean, boolean, O> {
  return field("bool", options, false) as FieldOf<boolean, boolean, O>;
}

/** A signed 8-bit integer. */
export function int8<const O extends FieldOptions<number> = NoOptions>(options?: O): FieldOf<number, number, O> {
  return field("int8", options, 0) as FieldOf<number, number, O>;
}

/** A signed 16-bit integer. */
export function int16<const O extends FieldOptions<number> = NoOptions>(options?: O): FieldOf<number, number, O> {
  return field("int16", options, 0) as FieldOf<number, number, O>;
}

/** An unsigned 16-bit integer (ports). */
export function uint16<const O extends FieldOptions<number> = NoOptions>(options?: O): FieldOf<number, number, O> {
  return field("uint16", options, 0) as FieldOf<number, number, O>;
}

/** A signed 32-bit integer. */
export function int32<const O extends FieldOptions<number> = NoOptions>(options?: O): FieldOf<number, number, O> {
  return field("int32", options, 0) as FieldOf<number, number, O>;
}

/** An unsigned 32-bit integer. */
export function uint32<const O extends FieldOptions<number> = NoOptions>(options?: O): FieldOf<number, number, O> {
  return field("uint32", options, 0) as FieldOf<number, number, O>;
}

/** A signed 64-bit integer as a number; beyond 2^53-1 it is refused both ways. */
export function int64<const O extends FieldOptions<number> = NoOptions>(options?: O): FieldOf<number, number, O> {
  return field("int64", options, 0) as FieldOf<number, number, O>;
}

/** A signed 64-bit integer as a bigint, for the rare field that uses all 64 bits. */
export function bigint64<const O extends FieldOptions<bigint> = NoOptions>(options?: O): FieldOf<bigint, bigint, O> {
  return field("bigint64", options, 0n) as FieldOf<bigint, bigint, O>;
}

/** A double. */
export function float64<const O extends FieldOptions<number> = NoOptions>(options?: O): FieldOf<number, number, O> {
  return field("float64", options, 0) as FieldOf<number, number, O>;
}

/** Text, at most 32,767 bytes of UTF-8. */
export function string<const O extends FieldOptions<string> = NoOptions>(options?: O): FieldOf<string, string, O> {
  return field("string", options, "") as FieldOf<string, string, O>;
}

/** Bytes. Decoded, they are a slice of the frame, borrowed: copy what outlives the frame. */
export function bytes<const O extends FieldOptions<Uint8Array> = NoOptions>(
  options?: O,
): FieldOf<Buffer, Uint8Array, O> {
  return field("bytes", options, emptyBytes) as FieldOf<Buffer, Uint8Array, O>;
}

/** Record batches, or null. Decoded, they are a slice of the frame, borrowed. */
export function records<const O extends FieldOptions<Uint8Array> = NoOptions>(
  options?: O,
): Field<Buffer | null, Uint8Array | null, IsOptional<O>> {
  return field("records", options === undefined ? { nullable: true } : { ...options, nullable: true }, null) as Field<
    Buffer | null,
    Uint8Array | null,
    IsOptional<O>
  >;
}

/** A uuid, as Kafka's text form: 22 characters of base64url. */
export function uuid<const O extends FieldOptions<string> = NoOptions>(options?: O): FieldOf<string, string, O> {
  return field("uuid", options, zeroUuid) as FieldOf<string, string, O>;
}

type Element = Field | Fields;
type ElementOut<E> = E extends Field<infer Out, unknown, boolean> ? Out : E extends Fields ? StructValue<E> : never;
type ElementIn<E> = E extends Field ? InOf<E> : E extends Fields ? StructInput<E> : never;

/** An array of a field, or of structs with these fields. */
export function array<const E extends Element, const O extends FieldOptions<readonly never[]> = NoOptions>(
  element: E,
  options?: O,
): FieldOf<ElementOut<E>[], readonly ElementIn<E>[], O> {
  const one = isField(element) ? element : field("struct", undefined, undefined, null, element as Fields);
  if (one.kind === "array") throw new TypeError("Kafka has no arrays of arrays, and the compiler no loops for them");
  return field("array", options, undefined, one) as FieldOf<ElementOut<E>[], readonly ElementIn<E>[], O>;
}

/** A struct within a struct. */
export function struct<const F extends Fields, const O extends FieldOptions<null> = NoOptions>(
  fields: F,
  options?: O,
): FieldOf<StructValue<F>, StructInput<F>, O> {
  return field("struct", options, undefined, null, fields) as FieldOf<StructValue<F>, StructInput<F>, O>;
}

function isField(element: Element): element is Field {
  return typeof (element as Field).kind === "string";
}
