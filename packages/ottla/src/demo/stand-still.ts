/** A span of time, in milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The longest time within the span in which nothing happened, in milliseconds. `times` are in order. */
export function longestGap(times: readonly number[], { from, to }: Span): number {
  let last = from;
  let longest = 0;
  for (const time of times) {
    if (time <= from) continue;
    if (time >= to) break;
    longest = Math.max(longest, time - last);
    last = time;
  }
  return Math.max(longest, to - last);
}

/** The span as a line of so many characters, each filled where something happened in its part of the span. */
export function timeline(times: readonly number[], { from, to }: Span, width: number): string {
  const slots = new Array<string>(width).fill("·");
  for (const time of times) {
    if (time >= from && time < to) slots[Math.floor(((time - from) / (to - from)) * width)] = "█";
  }
  return slots.join("");
}

/** Partitions that have another owner than before, those without an owner before left out. */
export function moved(before: readonly (readonly number[])[], after: readonly (readonly number[])[]): number[] {
  return before
    .flatMap((owned, member) => owned.filter((partition) => after[member]?.includes(partition) !== true))
    .sort((a, b) => a - b);
}
