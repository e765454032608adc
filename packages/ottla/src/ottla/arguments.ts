import { InvalidArgumentError } from "commander";

/** A parser of whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = most === Number.MAX_SAFE_INTEGER ? `, ${least} or more` : ` from ${least} to ${most}`;
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number${range}.`);
    }
    return value;
  };
}

/** Adds `name=value` to the pairs so far. */
export function settingPair(text: string, soFar: Readonly<Record<string, string>> = {}): Record<string, string> {
  const end = text.indexOf("=");
  if (end <= 0) throw new InvalidArgumentError("It must be name=value.");
  return { ...soFar, [text.slice(0, end).trim()]: text.slice(end + 1).trim() };
}

/** Adds to the values so far. */
export function collect(text: string, soFar: readonly string[] = []): string[] {
  return [...soFar, text];
}

/** A parser of names separated by commas, in any case, out of those that are known. */
export function names<Name extends string>(known: readonly Name[]): (text: string) => Name[] {
  return (text) =>
    text.split(",").map((part) => {
      const name = known.find((it) => it.toLowerCase() === part.trim().toLowerCase());
      if (name !== undefined) return name;
      throw new InvalidArgumentError(`It must be one or more of ${known.join(", ")}.`);
    });
}
