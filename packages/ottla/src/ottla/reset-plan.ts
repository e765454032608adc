import { parseDateTime, parseDuration } from "../kafka/java-time.ts";
import { CommandError } from "./context.ts";

/** Where offsets are to be moved to. */
export type ResetTarget =
  | { readonly kind: "earliest" | "latest" }
  | { readonly kind: "offset"; readonly offset: number }
  | { readonly kind: "shift"; readonly by: number }
  /** The first record at or after a time, in milliseconds since 1970. */
  | { readonly kind: "time"; readonly timestamp: number };

/** Reads `--to`; `now` is in milliseconds since 1970. */
export function parseTarget(text: string, now: number): ResetTarget {
  if (text === "earliest" || text === "latest") return { kind: text };
  if (/^\d+$/.test(text)) return { kind: "offset", offset: Number(text) };
  if (/^[+-]\d+$/.test(text)) return { kind: "shift", by: Number(text) };
  try {
    if (/^P/i.test(text)) return { kind: "time", timestamp: now - parseDuration(text) };
    return { kind: "time", timestamp: parseTime(text) };
  } catch {
    throw new CommandError(
      `--to ${text} is none of: earliest, latest, an offset, +n or -n, a time such as 2026-01-31T12:00:00Z, a duration such as PT1H`,
    );
  }
}

/** A date, with or without a time and its parts; UTC unless it says otherwise. */
function parseTime(text: string): number {
  const [, date, time = "00:00", seconds = ":00", fraction = "", zone = "Z"] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,3}))?(Z|[+-]\d\d:?\d\d)?)?$/.exec(text) ?? [];
  return parseDateTime(`${date}T${time}${seconds}.${fraction.padEnd(3, "0")}${zone}`);
}

/** A partition as it is before a reset. */
export interface PartitionOffsets {
  readonly topic: string;
  readonly partition: number;
  /** Null where nothing is committed. */
  readonly committed: number | null;
  readonly start: number;
  readonly end: number;
  /** Of the record that a target in time asks for; null where there is none that young, or no time was asked for. */
  readonly atTime: number | null;
}

/** What a reset does to a partition. */
export interface PlannedReset {
  readonly topic: string;
  readonly partition: number;
  readonly from: number | null;
  readonly to: number;
}

/** The new offset of each partition, within its log. */
export function planReset(target: ResetTarget, partitions: readonly PartitionOffsets[]): PlannedReset[] {
  return partitions.map((it) => {
    const wanted = wantedOffset(target, it);
    const to = Math.min(Math.max(wanted, it.start), it.end);
    return { topic: it.topic, partition: it.partition, from: it.committed, to };
  });
}

function wantedOffset(target: ResetTarget, it: PartitionOffsets): number {
  switch (target.kind) {
    case "earliest":
      return it.start;
    case "latest":
      return it.end;
    case "offset":
      return target.offset;
    case "time":
      return it.atTime ?? it.end;
    case "shift":
      if (it.committed !== null) return it.committed + target.by;
      throw new CommandError(
        `nothing is committed for ${it.topic}-${it.partition}, so there is nothing to count ${target.by} from`,
      );
  }
}
