import type { Field, Fields, Message } from "./schema.ts";

/** What compiler and interpreter both ask of a table: which fields are there at one version, and how. */

/** A field with its name. */
export interface NamedField {
  readonly name: string;
  readonly field: Field;
}

/** Whether the version has the field. */
export function isPresent(field: Field, version: number): boolean {
  return version >= field.since && version <= field.until;
}

/** Whether null may be sent at the version. */
export function isNullable(field: Field, version: number): boolean {
  return version >= field.nullableSince;
}

/** Whether lengths are compact and structs end with tagged fields. */
export function isFlexible(message: Message, version: number): boolean {
  return version >= message.flexibleSince;
}

/** The fields of a struct at one version, sorted by what has to be done with them. */
export interface StructLayout {
  /** All fields, in the order of the table. */
  readonly all: readonly NamedField[];
  /** Those of the version that are not tagged, in wire order. */
  readonly plain: readonly NamedField[];
  /** The tagged ones of the version in rising order of tags: that is how they are written. */
  readonly tagged: readonly NamedField[];
  /** Those that the version lacks and that must not hold anything then. */
  readonly forbidden: readonly NamedField[];
}

/** Sorts the fields of a struct for a version. */
export function layoutOf(fields: Fields, version: number): StructLayout {
  const all = Object.entries(fields).map(([name, field]) => ({ name, field }));
  const present = all.filter(({ field }) => isPresent(field, version));
  return {
    all,
    plain: present.filter(({ field }) => field.tag < 0),
    tagged: present.filter(({ field }) => field.tag >= 0).sort((a, b) => a.field.tag - b.field.tag),
    forbidden: all.filter(({ field }) => !field.ignorable && !isPresent(field, version)),
  };
}

/** The fewest bytes that the field can take; an array's count is checked with it before anything is allocated. */
export function smallestSize(field: Field, version: number, flexible: boolean): number {
  switch (field.kind) {
    case "bool":
    case "int8":
      return 1;
    case "int16":
    case "uint16":
      return 2;
    case "int32":
    case "uint32":
      return 4;
    case "int64":
    case "bigint64":
    case "float64":
      return 8;
    case "uuid":
      return 16;
    case "string":
      return flexible ? 1 : 2;
    case "bytes":
    case "records":
    case "array":
      return flexible ? 1 : 4;
    case "struct": {
      if (isNullable(field, version)) return 1;
      let size = flexible ? 1 : 0;
      for (const { field: inner } of layoutOf(field.fields ?? {}, version).plain) {
        size += smallestSize(inner, version, flexible);
      }
      // A struct without fields would make any count plausible.
      return Math.max(size, 1);
    }
  }
}
