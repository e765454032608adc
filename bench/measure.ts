/** What a benchmark measures, and how rounds of two subjects take turns. */
import { readFileSync } from "node:fs";

/** Processor time, user and system, that a process has used so far; Linux only. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process in MB (10^6 bytes); Linux only. */
export function residentMb(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return (Number(line?.[1] ?? 0) * 1024) / 1e6;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** One figure of one subject in one round. */
export type Figures = Readonly<Record<string, number>>;

/** One line of the report: a figure of ours beside the peer's, and what was to be reached. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number | null;
  /** Median of the rounds' ratios ours / peer; null without a peer. */
  readonly ratio: number | null;
  /** In words: "at least 1.0x". */
  readonly target: string;
  readonly reached: boolean | null;
}

/** What is asked of a figure: `ratio` of ours to the peer's, or our `value` itself. */
export interface Target {
  readonly of: "ratio" | "value";
  readonly least?: number;
  readonly most?: number;
}

/** Makes a row from the rounds of both subjects, paired in the order in which they were measured. */
export function row(
  what: string,
  unit: string,
  ours: readonly number[],
  peer: readonly number[] | null,
  target?: Target,
): Row {
  const ratio = peer === null ? null : median(ours.map((value, round) => value / (peer[round] ?? Number.NaN)));
  const value = median(ours);
  const judged = target?.of === "ratio" ? ratio : value;
  const reached =
    target === undefined || judged === null
      ? null
      : (target.least === undefined || judged >= target.least) && (target.most === undefined || judged <= target.most);
  const suffix = target?.of === "ratio" ? "x" : ` ${unit}`;
  const words =
    target === undefined
      ? ""
      : target.least !== undefined
        ? `at least ${target.least}${suffix}`
        : `at most ${target.most}${suffix}`;
  return { what, unit, ours: value, peer: peer === null ? null : median(peer), ratio, target: words, reached };
}

/** Runs `round` for each subject in turn, `rounds` times after one warm-up, and collects each one's figures by name. */
export async function takeTurns<Subject>(
  subjects: Readonly<Record<string, Subject>>,
  rounds: number,
  round: (subject: Subject, name: string, index: number) => Promise<Figures>,
  warmUps = 1,
): Promise<Record<string, Record<string, number[]>>> {
  const collected: Record<string, Record<string, number[]>> = {};
  for (let index = -warmUps; index < rounds; index++) {
    for (const [name, subject] of Object.entries(subjects)) {
      const figures = await round(subject, name, index);
      if (index < 0) continue;
      collected[name] ??= {};
      for (const [figure, value] of Object.entries(figures)) {
        collected[name][figure] ??= [];
        collected[name][figure].push(value);
      }
    }
  }
  return collected;
}

function shown(value: number): string {
  if (Number.isNaN(value)) return "-";
  return value >= 1000
    ? Math.round(value).toLocaleString("en")
    : value >= 100
      ? value.toFixed(0)
      : value >= 1
        ? value.toFixed(2)
        : value.toPrecision(3);
}

/** The report as an aligned table. */
export function table(rows: readonly Row[], peerName: string): string {
  const head = ["what", "unit", "ours", peerName, "ratio", "target", ""];
  const cells = rows.map((r) => [
    r.what,
    r.unit,
    shown(r.ours),
    r.peer === null ? "-" : shown(r.peer),
    r.ratio === null ? "-" : `${r.ratio.toFixed(2)}x`,
    r.target,
    r.reached === null ? "" : r.reached ? "reached" : "NOT reached",
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...cells.map(line)].join("\n");
}
