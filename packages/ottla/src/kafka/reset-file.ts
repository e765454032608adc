/** The CSV of `--export` and `--from-file`: `topic,partition,offset`, with the group first unless there is exactly one (Kafka's `CsvUtils`). */
import type { ResetRow } from "./group-tables.ts";

/** A CSV file that cannot be understood; the message is Java's, the class of its exception included. */
export class ResetFileError extends Error {
  override readonly name = "ResetFileError";
}

/** What `--export` prints. */
export function resetCsv(groups: readonly string[], rows: readonly ResetRow[]): string {
  const lines = rows.map((it) => [...(groups.length === 1 ? [] : [it.group]), it.topic, it.partition, it.offset]);
  return lines.map((values) => `${values.map(csvField).join(",")}\n`).join("");
}

function csvField(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The new offsets that a file asks for. For one group its lines may go without the group; what a short line leaves out is 0. */
export function parseResetCsv(text: string, groups: readonly string[]): ResetRow[] {
  const lines = text
    .split("\n")
    .map((line) => line.replace(/\r$/, ""))
    .filter((line) => line !== "");
  const [only] = groups;
  const first = lines[0] === undefined ? [] : parseLine(lines[0]);
  if (only !== undefined && groups.length === 1 && isWithoutGroup(first)) {
    return lines.map((line, index) => resetRow([only, ...parseLine(line)], index));
  }
  return lines.map((line, index) => resetRow(parseLine(line), index));
}

function isWithoutGroup(fields: readonly string[]): boolean {
  return fields.length <= 3 && isWhole(fields[1]) && isWhole(fields[2]);
}

function isWhole(text: string | undefined): boolean {
  return text === undefined || /^\s*-?\d+\s*$/.test(text);
}

function resetRow(fields: readonly string[], index: number): ResetRow {
  const [group = "", topic = "", partition, offset] = fields;
  if (fields.length > 4 || !isWhole(partition) || !isWhole(offset)) {
    throw new ResetFileError(
      `Line ${index + 1} of the CSV file is not topic,partition,offset, with the group first where there are several`,
    );
  }
  return { group, topic, partition: Number(partition ?? 0), offset: Number(offset ?? 0) };
}

/** The fields of a line; one in double quotes may hold commas and, doubled, double quotes. */
function parseLine(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );
}
