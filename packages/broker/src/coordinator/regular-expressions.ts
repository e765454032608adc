/**
 * Regular expressions that members subscribe with (KIP-848). Kafka's coordinator takes RE2/J for them, whose work grows with the text and never explodes; this is its
 * JavaScript sibling, with the same syntax and the same complaints. A topic must match as a whole.
 */
import { RE2JS, RE2JSSyntaxException } from "re2js";

/** The longest pattern, in characters. Kafka has no limit. */
export const maxPatternLength = 16_384;

/** The largest program of a compiled pattern, in instructions: what a character of a name may cost (12 instructions take a microsecond). `(a{100}){10}` has about 1,000. Kafka has no limit. */
const maxProgramSize = 20_000;

/** Compiled patterns are kept, the least recently used one goes. They are values that depend on nothing but their text, so all brokers of a process may share them. */
const maxCompiled = 200;
const compiled = new Map<string, RE2JS>();

/**
 * What is wrong with a pattern, or null. The message is the one that goes back to the member with INVALID_REGULAR_EXPRESSION (Kafka's `Utils.throwIfRegularExpressionIsInvalid`).
 */
export function validatePattern(pattern: string): string | null {
  const wrong = compile(pattern);
  if (typeof wrong !== "string") return null;
  const shown = pattern.length > maxPatternLength ? `${pattern.slice(0, 100)}...` : pattern;
  return `SubscribedTopicRegex \`${shown}\` is not a valid regular expression: ${wrong}.`;
}

/** What a character of a name may cost, in instructions; 1 for a pattern that is not valid. */
export function patternCost(pattern: string): number {
  const expression = compile(pattern);
  return typeof expression === "string" ? 1 : Math.max(1, expression.programSize());
}

/**
 * The names that a pattern matches from their first to their last character, in their order; none for a pattern that is not valid.
 * A name takes microseconds, with some patterns tenths of a second (`patternCost`): who has many names hands them over in portions and lets others in between.
 */
export function resolvePattern(pattern: string, names: Iterable<string>): string[] {
  const expression = compile(pattern);
  if (typeof expression === "string") return [];
  const matching: string[] = [];
  for (const name of names) if (expression.testExact(name)) matching.push(name);
  return matching;
}

/** The compiled pattern, or what is wrong with it. */
function compile(pattern: string): RE2JS | string {
  const known = compiled.get(pattern);
  if (known !== undefined) {
    compiled.delete(pattern);
    compiled.set(pattern, known);
    return known;
  }
  if (pattern.length > maxPatternLength) return `longer than ${maxPatternLength} characters`;
  try {
    const expression = RE2JS.compile(pattern);
    if (expression.programSize() > maxProgramSize) return "expression too large";
    if (compiled.size >= maxCompiled) compiled.delete(compiled.keys().next().value!);
    compiled.set(pattern, expression);
    return expression;
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return error.getDescription();
    // Nothing that a client sends may be taken for a fault of the broker.
    return error instanceof Error ? error.message : String(error);
  }
}
