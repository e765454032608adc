import { crc32c } from "@ottla/protocol";
import type { Disk } from "@ottla/runtime";
import { readFileIfThere, replaceFileDurably } from "./atomic-file.ts";
import { joinPath } from "./file-names.ts";
import type { RestingLog } from "./open-log.ts";

const fileName = "clean-shutdown";
const version = 1;

/** A log as a clean stop left it. */
export interface MarkedLog {
  readonly topicId: string;
  readonly resting: RestingLog;
}

/** In the order of the mark's columns. */
const columns = [
  "logStartOffset",
  "highWatermark",
  "lastStableOffset",
  "logEndOffset",
  "latestEpoch",
  "sizeInBytes",
  "segmentCount",
  "activeBaseOffset",
  "activeSize",
  "activeIndexCount",
  "activeMaxTimestampMs",
  "oldestTimestampMs",
] as const satisfies readonly (keyof RestingLog)[];

type Row = [name: string, topicId: string, ...numbers: number[]];

/**
 * Writes Ottla's own mark of a clean stop, beside the log directory: what is to be known of each log (by directory name), so that the next start need not open any. The first line holds version and checksum.
 */
export async function writeCleanShutdown(
  disk: Disk,
  dataDirectory: string,
  logs: ReadonlyMap<string, MarkedLog>,
): Promise<void> {
  const rows = Array.from(
    logs,
    ([name, { topicId, resting }]): Row => [name, topicId, ...columns.map((column) => resting[column])],
  );
  const body = Buffer.from(JSON.stringify(rows));
  const head = Buffer.from(`${version} ${crc32c(body)}\n`);
  await replaceFileDurably(disk, joinPath(dataDirectory, fileName), Buffer.concat([head, body]));
  await disk.syncDirectory(dataDirectory);
}

/** Reads the mark and removes it: from now on the logs may change. Null after any other end than a clean stop. */
export async function takeCleanShutdown(disk: Disk, dataDirectory: string): Promise<Map<string, MarkedLog> | null> {
  const path = joinPath(dataDirectory, fileName);
  const content = readFileIfThere(disk, path);
  if (content === null) return null;
  disk.remove(path);
  // It must not come back with a crash of the machine: the logs will not be as it says.
  await disk.syncDirectory(dataDirectory);
  return parse(content);
}

function parse(content: Buffer): Map<string, MarkedLog> | null {
  const lineEnd = content.indexOf("\n");
  const body = content.subarray(lineEnd + 1);
  if (lineEnd < 0 || content.toString("latin1", 0, lineEnd) !== `${version} ${crc32c(body)}`) return null;
  const logs = new Map<string, MarkedLog>();
  for (const row of JSON.parse(body.toString()) as Row[]) {
    logs.set(row[0], { topicId: row[1], resting: restingOf(row) });
  }
  return logs;
}

/** Written out, so that thousands of them share one hidden class. */
function restingOf(row: Row): RestingLog {
  const at = (column: (typeof columns)[number]) => row[columns.indexOf(column) + 2] as number;
  return {
    logStartOffset: at("logStartOffset"),
    highWatermark: at("highWatermark"),
    lastStableOffset: at("lastStableOffset"),
    logEndOffset: at("logEndOffset"),
    latestEpoch: at("latestEpoch"),
    sizeInBytes: at("sizeInBytes"),
    segmentCount: at("segmentCount"),
    activeBaseOffset: at("activeBaseOffset"),
    activeSize: at("activeSize"),
    activeIndexCount: at("activeIndexCount"),
    activeMaxTimestampMs: at("activeMaxTimestampMs"),
    oldestTimestampMs: at("oldestTimestampMs"),
  };
}
