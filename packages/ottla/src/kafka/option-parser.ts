/**
 * The strict command line of Kafka's tools (`CommandDefaultOptions` over jopt-simple without abbreviations): what is accepted, what is refused, in
 * Kafka's words. `ottla` itself does not parse this way.
 */

/** One option of a tool. */
export interface OptionSpec {
  readonly name: string;
  /** What follows the option: nothing, a value that must be there, or one that may. */
  readonly argument: "none" | "required" | "optional";
  /** A number is checked only when the value is asked for, as Kafka's tools do. */
  readonly type?: "string" | "int" | "long";
  /** What the usage calls the argument. */
  readonly argumentName?: string;
  readonly description: string;
  /** The option is refused unless one of these is given too. */
  readonly availableIf?: readonly string[];
}

/** A command line that cannot be: the tool prints the message and exits with 1. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** Whether the usage is to be printed below the message. */
  readonly withUsage: boolean;
  /** `start`: found while parsing, before the tool had begun. `command`: found when a value was used. */
  readonly stage: "start" | "command";

  constructor(message: string, options: { withUsage?: boolean; stage?: "start" | "command" } = {}) {
    super(message);
    this.withUsage = options.withUsage ?? false;
    this.stage = options.stage ?? "start";
  }
}

const intRange = { least: -(2n ** 31n), most: 2n ** 31n - 1n };
const longRange = { least: -(2n ** 63n), most: 2n ** 63n - 1n };

/** What was given on a command line. */
export class ParsedOptions {
  private readonly specs: ReadonlyMap<string, OptionSpec>;
  private readonly given: ReadonlyMap<string, readonly string[]>;

  constructor(specs: ReadonlyMap<string, OptionSpec>, given: ReadonlyMap<string, readonly string[]>) {
    this.specs = specs;
    this.given = given;
  }

  has(name: string): boolean {
    return this.given.has(name);
  }

  /** Every value of an option that may be repeated. */
  values(name: string): readonly string[] {
    return this.given.get(name) ?? [];
  }

  /** The one value; undefined where the option or its optional argument is missing. Throws where it was given more than once. */
  value(name: string): string | undefined {
    const values = this.values(name);
    if (values.length > 1)
      throw new UsageError(`Found multiple arguments for option ${name}, but you asked for only one`, {
        stage: "command",
      });
    return values[0];
  }

  /** The one value as a number of the option's type. Throws where it is none. */
  number(name: string): number | undefined {
    const text = this.value(name);
    if (text === undefined) return undefined;
    const { least, most } = this.specs.get(name)?.type === "long" ? longRange : intRange;
    const value = /^[+-]?\d+$/.test(text) ? BigInt(text.replace(/^\+/, "")) : undefined;
    if (value === undefined || value < least || value > most) {
      throw new UsageError(`Cannot parse argument '${text}' of option ${name}`, { stage: "command" });
    }
    return Number(value);
  }

  /** Throws, with the usage, where one of the options is missing. */
  require(...names: string[]): void {
    for (const name of names) {
      if (!this.has(name)) throw new UsageError(`Missing required argument "[${name}]"`, { withUsage: true });
    }
  }

  /** Throws, with the usage, where `name` is given together with one of `others`. */
  forbid(name: string, others: readonly string[]): void {
    if (!this.has(name)) return;
    for (const other of others) {
      if (this.has(other))
        throw new UsageError(`Option "[${name}]" can't be used with option "[${other}]"`, { withUsage: true });
    }
  }
}

/** Reads a command line. Words that are no options are passed over, as Kafka's tools do. */
export function parseOptions(table: readonly OptionSpec[], args: readonly string[]): ParsedOptions {
  const specs = new Map(table.map((spec) => [spec.name, spec]));
  const given = new Map<string, string[]>();
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? "";
    if (word === "--") break;
    if (!word.startsWith("-") || word === "-") continue;
    const [, name = "", inline] = /^--?([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    const spec = specs.get(name);
    if (spec === undefined) throw new UsageError(`${name} is not a recognized option`);
    const values = given.get(name) ?? [];
    given.set(name, values);
    if (spec.argument === "none") {
      if (inline !== undefined) throw new UsageError(`Option ${name} does not allow an argument`);
      continue;
    }
    const next = inline ?? args[index + 1];
    const taken =
      spec.argument === "required" || inline !== undefined || (next !== undefined && !looksLikeOption(next));
    if (next === undefined && spec.argument === "required") throw new UsageError(`Option ${name} requires an argument`);
    if (next === undefined || !taken) continue;
    values.push(next);
    if (inline === undefined) index += 1;
  }
  refuseUnavailable(table, given);
  return new ParsedOptions(specs, given);
}

function looksLikeOption(word: string): boolean {
  return word.startsWith("-") && word !== "-";
}

function refuseUnavailable(table: readonly OptionSpec[], given: ReadonlyMap<string, unknown>): void {
  const unavailable = table.filter(
    (spec) =>
      given.has(spec.name) && spec.availableIf !== undefined && !spec.availableIf.some((name) => given.has(name)),
  );
  if (unavailable.length === 0) return;
  const names = unavailable.map((spec) => spec.name).join(", ");
  throw new UsageError(`Option(s) [${names}] are unavailable given other options on the command line`);
}

/** Each column is wrapped here: half of 80 characters, less half of the gap (jopt-simple's `BuiltinHelpFormatter`). */
const columnWidth = 39;
const gap = "  ";

/** The usage as a table of two columns. */
export function formatUsage(table: readonly OptionSpec[]): string {
  const options = [...table]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((spec) => [left(spec), spec.description] as const);
  const rows = [["Option", "Description"], ["------", "-----------"], ...options].flatMap(([name = "", text = ""]) => {
    const [names, texts] = [wrap(name, columnWidth), wrap(text, columnWidth)];
    return Array.from({ length: Math.max(names.length, texts.length) }, (_, line) => {
      return [names[line] ?? "", texts[line] ?? ""] as const;
    });
  });
  const widest = (column: 0 | 1) => Math.max(...rows.map((row) => row[column].length));
  const [leftWidth, rightWidth] = [widest(0), widest(1)];
  return rows.map(([name, text]) => `${name.padEnd(leftWidth)}${gap}${text.padEnd(rightWidth)}\n`).join("");
}

function left(spec: OptionSpec): string {
  if (spec.argument === "none") return `--${spec.name}`;
  const type = spec.type === "int" ? "Integer" : spec.type === "long" ? "Long" : "String";
  const argument = spec.argumentName === undefined ? type : `${type}: ${spec.argumentName}`;
  return spec.argument === "required" ? `--${spec.name} <${argument}>` : `--${spec.name} [${argument}]`;
}

/** Breaks a text between words; lines after the first are set in by two. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = `  ${word}`;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
