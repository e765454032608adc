/** The timestamps by which ListOffsets asks for the ends of a partition. */
export const earliestTimestamp = -2;
export const latestTimestamp = -1;

/**
 * Where to begin in a partition without a (valid) committed offset: at its start, at its end, at the first record that is at most so old (KIP-1106; Kafka's
 * `by_duration:<ISO 8601>`), or nowhere: an error.
 */
export type AutoOffsetReset = "earliest" | "latest" | "none" | `by_duration:${string}`;

/** Where a position is to be reset to. */
export type ResetStrategy =
  | { readonly kind: "earliest" }
  | { readonly kind: "latest" }
  | { readonly kind: "none" }
  | { readonly kind: "duration"; readonly durationMs: number };

/** Reads the setting; null where it is none. */
export function parseAutoOffsetReset(value: unknown): ResetStrategy | null {
  if (value === "earliest" || value === "latest" || value === "none") return { kind: value };
  if (typeof value !== "string" || !value.startsWith("by_duration:")) return null;
  const durationMs = parseDuration(value.slice("by_duration:".length));
  return durationMs === null ? null : { kind: "duration", durationMs };
}

/** The timestamp to ask ListOffsets for; `now` is wall-clock time. */
export function resetTimestamp(strategy: Exclude<ResetStrategy, { kind: "none" }>, now: number): number {
  switch (strategy.kind) {
    case "earliest":
      return earliestTimestamp;
    case "latest":
      return latestTimestamp;
    case "duration":
      return Math.max(0, now - strategy.durationMs);
  }
}

const duration = /^P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,9})?)S)?)?$/i;

/** Milliseconds of `PnDTnHnMn.nS`, as Java's `Duration.parse` reads it, but never negative; null where it is none. */
export function parseDuration(text: string): number | null {
  const match = duration.exec(text);
  if (match === null || match.slice(1).every((part) => part === undefined)) return null;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  const milliseconds = Math.floor((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000);
  return Number.isSafeInteger(milliseconds) ? milliseconds : null;
}
