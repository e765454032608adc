import { isNullable, isPresent, layoutOf, type NamedField, smallestSize } from "./layout.ts";
import type { Field, Fields } from "./schema.ts";

/** The JavaScript text of a field's default. Arrays and structs are made anew each time. */
export function defaultText(field: Field): string {
  if (field.default === null) return "null";
  switch (field.kind) {
    case "array":
      return "[]";
    case "struct":
      return `{ ${Object.entries(field.fields ?? {})
        .map(([name, inner]) => `${name}: ${defaultText(inner)}`)
        .join(", ")} }`;
    case "bytes":
    case "records":
      return "emptyBytes";
    case "bigint64":
      return `${field.default}n`;
    case "string":
    case "uuid":
      return JSON.stringify(field.default);
    default:
      return String(field.default);
  }
}

/** Writes the decoders of a message's structs as JavaScript text, one function each. */
export class DecoderSource {
  readonly functions: string[] = [];
  private readonly version: number;
  private readonly flexible: boolean;
  /** A struct that occurs twice in a message gets one function, and so do its values one shape. */
  private readonly names = new Map<Fields, string>();

  constructor(version: number, flexible: boolean) {
    this.version = version;
    this.flexible = flexible;
  }

  /** Adds the function that decodes a struct, and returns its name. */
  structFunction(fields: Fields, path: string): string {
    const known = this.names.get(fields);
    if (known !== undefined) return known;
    const name = `decode${this.names.size}`;
    this.names.set(fields, name);
    const lines = [`function ${name}(r) { // ${path}`];
    const { all, plain, tagged } = layoutOf(fields, this.version);
    for (const { name: key, field } of plain) {
      lines.push(`let $${key};`, this.read(field, `$${key}`, `${path}.${key}`, false));
    }
    if (this.flexible) lines.push(...this.tags(tagged, path));
    // Fields that the version lacks are there with their defaults: all versions of a struct have one shape.
    const literal = all.map(({ name: key, field }) =>
      isPresent(field, this.version) ? `${key}: $${key}` : `${key}: ${defaultText(field)}`,
    );
    lines.push(`return { ${literal.join(", ")} };`, "}");
    this.functions.push(lines.join("\n"));
    return name;
  }

  private tags(tagged: readonly NamedField[], path: string): string[] {
    if (tagged.length === 0) return ["r.skipTags();"];
    const lines = tagged.map(({ name, field }) => `let $${name} = ${defaultText(field)};`);
    lines.push("for (let left = r.tagCount(); left > 0; left--) {", "const tag = r.uvarint(), end = r.tagEnd();");
    lines.push("switch (tag) {");
    for (const { name, field } of tagged) {
      lines.push(`case ${field.tag}: {`, this.read(field, `$${name}`, `${path}.${name}`, true));
      lines.push("r.expectTagEnd(end);", "break;", "}");
    }
    lines.push("default: r.position = end;", "}", "}");
    return lines;
  }

  /** A statement that reads the field into a variable. */
  private read(field: Field, target: string, path: string, tagged: boolean): string {
    if (field.kind === "array") return this.readArray(field, target, path);
    if (field.kind !== "struct") return `${target} = r.${this.method(field)}();`;
    const decode = `${target} = ${this.structFunction(field.fields ?? {}, path)}(r);`;
    if (!isNullable(field, this.version)) return decode;
    // A tagged nullable struct has an unsigned varint before it, any other an int8 (trap 12).
    const present = tagged ? "r.uvarint() !== 0" : "r.structPresent()";
    return `if (${present}) ${decode} else ${target} = null;`;
  }

  private readArray(field: Field, target: string, path: string): string {
    const element = field.element as Field;
    const smallest = smallestSize(element, this.version, this.flexible);
    const count = `r.${this.flexible ? "compactArrayCount" : "arrayCount"}(${smallest})`;
    const nullable = isNullable(field, this.version);
    const each = this.read(element, `${target}[i]`, path, false);
    return [
      `{ const n = ${nullable ? count : `r.notNull(${count})`};`,
      `${nullable ? `if (n < 0) ${target} = null; else ` : ""}if (n === 0) ${target} = []; else {`,
      `${target} = new Array(n);`,
      `for (let i = 0; i < n; i++) { ${each} }`,
      "} }",
    ].join("\n");
  }

  private method(field: Field): string {
    const nullable = isNullable(field, this.version);
    switch (field.kind) {
      case "string":
        return methodName("String", this.flexible, nullable);
      case "bytes":
      case "records":
        return methodName("Bytes", this.flexible, nullable);
      default:
        return field.kind;
    }
  }
}

/** The method of `Reader` and `Writer` for text or bytes. */
export function methodName(what: "String" | "Bytes", flexible: boolean, nullable: boolean): string {
  const name = `${nullable ? "Nullable" : ""}${flexible ? "Compact" : ""}${what}`;
  if (name === "Bytes") return "byteArray";
  return name.charAt(0).toLowerCase() + name.slice(1);
}
