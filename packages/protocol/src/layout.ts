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

/** The fields of the version that are not tagged, in wire order. */
export function plainFields(fields: Fields, version: number): NamedField[] {
  return named(fields).filter(({ field }) => field.tag < 0 && isPresent(field, version));
}

/** The tagged fields of the version, in rising order of tags: that is how they are written. */
export function taggedFields(fields: Fields, version: number): NamedField[] {
  return named(fields)
    .filter(({ field }) => field.tag >= 0 && isPresent(field, version))
    .sort((a, b) => a.field.tag - b.field.tag);
}

/** The fields that the version lacks and that must not hold anything then. */
export function forbiddenFields(fields: Fields, version: number): NamedField[] {
  return named(fields).filter(({ field }) => !field.ignorable && !isPresent(field, version));
}

/** All fields with their names, in the order of the table. */
export function named(fields: Fields): NamedField[] {
  return Object.entries(fields).map(([name, field]) => ({ name, field }));
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
      for (const { field: inner } of plainFields(field.fields ?? {}, version)) {
        size += smallestSize(inner, version, flexible);
      }
      // A struct without fields would make any count plausible.
      return Math.max(size, 1);
    }
  }
}
