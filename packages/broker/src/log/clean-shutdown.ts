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

type Row = [string, string, number, number, number, number, number, number, number, number, number, number];

/**
 * Writes Ottla's own mark of a clean stop, beside the log directory: what is to be known of each log (by directory name), so that the next start need not open any. The first line holds version and checksum.
 */
export async function writeCleanShutdown(
  disk: Disk,
  dataDirectory: string,
  logs: ReadonlyMap<string, MarkedLog>,
): Promise<void> {
  const rows = Array.from(logs, ([name, { topicId, resting: r }]): Row => {
    const offsets = [r.logStartOffset, r.highWatermark, r.lastStableOffset, r.logEndOffset, r.latestEpoch] as const;
    const files = [r.sizeInBytes, r.segmentCount, r.activeBaseOffset, r.activeSize, r.oldestTimestampMs] as const;
    return [name, topicId, ...offsets, ...files];
  });
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
    const [name, topicId, logStartOffset, highWatermark, lastStableOffset, logEndOffset, latestEpoch] = row;
    const [, , , , , , , sizeInBytes, segmentCount, activeBaseOffset, activeSize, oldestTimestampMs] = row;
    const offsets = { logStartOffset, highWatermark, lastStableOffset, logEndOffset, latestEpoch };
    const files = { sizeInBytes, segmentCount, activeBaseOffset, activeSize, oldestTimestampMs };
    logs.set(name, { topicId, resting: { ...offsets, ...files } });
  }
  return logs;
}
