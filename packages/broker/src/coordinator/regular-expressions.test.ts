import { describe, expect, it } from "vitest";
import { maxPatternLength, resolvePattern, validatePattern } from "./regular-expressions.ts";

const topics = ["orders", "orders-eu", "orders.dlq", "payments", "__consumer_offsets", "a\u00fcb"];

describe("a pattern", () => {
  it("matches whole names only, in their order", () => {
    expect(resolvePattern("orders", topics)).toEqual(["orders"]);
    expect(resolvePattern("orders.*", topics)).toEqual(["orders", "orders-eu", "orders.dlq"]);
    expect(resolvePattern("^orders(-eu)?$", topics)).toEqual(["orders", "orders-eu"]);
    expect(resolvePattern("orders|payments", topics)).toEqual(["orders", "payments"]);
    expect(resolvePattern("(?i)ORDERS\\.[[:alpha:]]+", topics)).toEqual(["orders.dlq"]);
    expect(resolvePattern("a.b", topics)).toEqual(["a\u00fcb"]);
    expect(resolvePattern(".*", new Set(topics))).toEqual(topics);
    expect(resolvePattern("", topics)).toEqual([]);
  });

  it("is one of RE2, with RE2/J's complaints in Kafka's sentence", () => {
    const complaint = (pattern: string) => validatePattern(pattern);
    const sentence = (pattern: string, what: string) =>
      `SubscribedTopicRegex \`${pattern}\` is not a valid regular expression: ${what}.`;
    // What com.google.re2j 1.8 says (`PatternSyntaxException.getDescription`).
    for (const [pattern, what] of [
      ["foo(", "missing closing )"],
      ["[a", "missing closing ]"],
      ["[b-a]", "invalid character class range"],
      ["a**", "invalid nested repetition operator"],
      ["*", "missing argument to repetition operator"],
      ["\\1", "invalid escape sequence"],
      ["\\", "trailing backslash at end of expression"],
      ["(?=a)", "invalid or unsupported Perl syntax"],
      ["a{2000}", "invalid repeat count"],
    ] as const) {
      expect(complaint(pattern)).toBe(sentence(pattern, what));
      expect(resolvePattern(pattern, topics)).toEqual([]);
    }
    for (const pattern of ["", "a|b", "\\Qa.b\\E", "(?P<n>a)", "\\p{Greek}", "[[:word:]]+", "x{,3}"])
      expect(complaint(pattern)).toBeNull();
  });

  it("is bounded in length and in size", () => {
    const long = "a".repeat(maxPatternLength + 1);
    expect(validatePattern(long)).toContain(`longer than ${maxPatternLength} characters`);
    expect(validatePattern(long)!.length).toBeLessThan(300);
    expect(resolvePattern(long, [long])).toEqual([]);
    expect(validatePattern("a".repeat(maxPatternLength))).toBeNull();
    expect(validatePattern(`(?:${"ab".repeat(100)}){1000}`)).toContain("expression too large");
  });

  it("takes no exponential time", () => {
    const name = `${"a".repeat(240)}!`;
    expect(resolvePattern("(a+)+", [name])).toEqual([]);
    expect(resolvePattern("(a|aa)+$", [name])).toEqual([]);
  });

  it("is found again after many others", () => {
    for (let index = 0; index < 300; index++) expect(resolvePattern(`t-${index}`, [`t-${index}`])).toHaveLength(1);
    expect(resolvePattern("t-0", topics)).toEqual([]);
  });
});
