import { defaultText, methodName } from "./compile-decoder.ts";
import { isNullable, layoutOf, type NamedField } from "./layout.ts";
import type { Field, Fields } from "./schema.ts";

/** Sizes of the kinds that always take the same number of bytes. */
const fixedSizes: Partial<Record<Field["kind"], number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  bigint64: 8,
  float64: 8,
  uuid: 16,
};

/** Writes the encoders of a message's structs as JavaScript text, one function each. */
export class EncoderSource {
  readonly functions: string[] = [];
  private readonly version: number;
  private readonly flexible: boolean;
  private readonly names = new Map<Fields, string>();
  private readonly comparisons = new Map<Fields, string>();

  constructor(version: number, flexible: boolean) {
    this.version = version;
    this.flexible = flexible;
  }

  /** Adds the function that encodes a struct, and returns its name. */
  structFunction(fields: Fields, path: string): string {
    const known = this.names.get(fields);
    if (known !== undefined) return known;
    const name = `encode${this.names.size}`;
    this.names.set(fields, name);
    const lines = [`function ${name}(w, v) { // ${path}`];
    const { plain, tagged, forbidden } = layoutOf(fields, this.version);
    for (const { name: key, field } of forbidden) {
      lines.push(`if (v.${key} !== undefined && !(${this.isDefault(field, `v.${key}`)})) `);
      lines.push(`w.refuse("${key} is not in version ${this.version}: expected nothing or the default", v.${key});`);
    }
    for (const { name: key, field } of plain) {
      lines.push(this.load(key, field), this.write(field, `$${key}`, `${path}.${key}`, false));
    }
    if (this.flexible) lines.push(...this.tags(tagged, path));
    lines.push("}");
    this.functions.push(lines.join("\n"));
    return name;
  }

  /** A statement that loads a field into a variable, undefined being the default where one may be left out. */
  private load(key: string, field: Field): string {
    if (!field.mayBeLeftOut) return `const $${key} = v.${key};`;
    return `let $${key} = v.${key}; if ($${key} === undefined) $${key} = ${defaultText(field)};`;
  }

  private tags(tagged: readonly NamedField[], path: string): string[] {
    if (tagged.length === 0) return ["w.uvarint(0);"];
    const lines = tagged.flatMap(({ name, field }) => [
      `const $${name} = v.${name};`,
      `const has_${name} = $${name} !== undefined && !(${this.isDefault(field, `$${name}`)});`,
    ]);
    lines.push(`w.uvarint(${tagged.map(({ name }) => `(has_${name} ? 1 : 0)`).join(" + ")});`);
    for (const { name, field } of tagged) {
      const size = fixedSizes[field.kind];
      const body = this.write(field, `$${name}`, `${path}.${name}`, true);
      lines.push(`if (has_${name}) {`);
      if (size !== undefined) lines.push(`w.uvarint(${field.tag}); w.uvarint(${size});`, body);
      else lines.push(`const begin = w.beginTag(${field.tag});`, body, "w.endTag(begin);");
      lines.push("}");
    }
    return lines;
  }

  /** A statement that writes the value of a variable. */
  private write(field: Field, value: string, path: string, tagged: boolean): string {
    if (field.kind === "array") return this.writeArray(field, value, path);
    if (field.kind !== "struct") return `w.${this.method(field)}(${value});`;
    const encode = `${this.structFunction(field.fields ?? {}, path)}(w, ${value});`;
    if (!isNullable(field, this.version)) return encode;
    const [absent, present] = tagged ? ["w.uvarint(0)", "w.uvarint(1)"] : ["w.int8(-1)", "w.int8(1)"];
    return `if (${value} === null) ${absent}; else { ${present}; ${encode} }`;
  }

  private writeArray(field: Field, value: string, path: string): string {
    const count = this.flexible ? "compactArrayCount" : "arrayCount";
    const nothing = isNullable(field, this.version) ? `if (${value} === null) w.${count}(-1); else ` : "";
    return [
      `${nothing}if (!Array.isArray(${value})) w.refuse("expected an array", ${value});`,
      `else { w.${count}(${value}.length);`,
      `for (let i = 0; i < ${value}.length; i++) { const e = ${value}[i]; ${this.write(field.element as Field, "e", path, false)} }`,
      "}",
    ].join("\n");
  }

  private method(field: Field): string {
    const nullable = isNullable(field, this.version);
    if (field.kind === "string") return methodName("String", this.flexible, nullable);
    if (field.kind === "bytes" || field.kind === "records") return methodName("Bytes", this.flexible, nullable);
    return field.kind;
  }

  /** An expression that says whether a value (not undefined) is the field's default; structs are compared deeply. */
  private isDefault(field: Field, value: string): string {
    if (field.default === null) return `${value} === null`;
    if (field.kind === "array" || field.kind === "bytes" || field.kind === "records") {
      return `${value} !== null && ${value}.length === 0`;
    }
    if (field.kind === "struct") return `${value} !== null && ${this.comparison(field.fields ?? {})}(${value})`;
    return `${value} === ${defaultText(field)}`;
  }

  private comparison(fields: Fields): string {
    const known = this.comparisons.get(fields);
    if (known !== undefined) return known;
    const name = `isDefault${this.comparisons.size}`;
    this.comparisons.set(fields, name);
    const terms = Object.entries(fields).map(
      ([key, field]) => `(v.${key} === undefined || (${this.isDefault(field, `v.${key}`)}))`,
    );
    this.functions.push(`function ${name}(v) { return ${terms.join(" && ")}; }`);
    return name;
  }
}
