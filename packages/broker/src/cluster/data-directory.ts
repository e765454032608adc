import { dirname } from "node:path";
import { type Disk, DiskError, type DiskLock, DiskLockedError } from "@ottla/runtime";
import { MetadataLog } from "./metadata-log.ts";

const lockName = "lock";
/** What a mount point or a first start that was cut short may have left in a directory that is otherwise new. */
const harmless: ReadonlySet<string> = new Set([lockName, "lost+found", "metadata.log.new"]);

/** A data directory that is not the broker's to use. The message is one line for the operator. */
export class DataDirectoryError extends Error {
  override readonly name = "DataDirectoryError";
}

/**
 * Takes a data directory: makes it where it is missing, locks it, and refuses one that is in use, cannot be read or holds something else. A directory that is refused
 * is left as it was. Throws a `DataDirectoryError`.
 */
export async function openDataDirectory(disk: Disk, path: string): Promise<DiskLock> {
  try {
    const entry = disk.stat(path);
    if (entry === null) await makeDirectory(disk, path);
    else if (!entry.isDirectory) throw new DataDirectoryError(`data directory ${path} is not a directory`);
    else refuseForeign(disk, path);
    return disk.lock(`${path}/${lockName}`);
  } catch (error) {
    if (error instanceof DiskLockedError) {
      throw new DataDirectoryError(`data directory ${path} is in use by another broker`, { cause: error });
    }
    if (error instanceof DiskError) {
      throw new DataDirectoryError(`data directory ${path} cannot be used: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** Makes a directory, and its parents, so that they survive the death of the machine. */
async function makeDirectory(disk: Disk, path: string): Promise<void> {
  const parents: string[] = [];
  for (let missing = path; disk.stat(missing) === null; ) {
    const parent = dirname(missing);
    parents.push(parent);
    if (parent === missing) break;
    missing = parent;
  }
  disk.makeDirectory(path);
  for (const parent of parents) await disk.syncDirectory(parent);
}

/** Only what an Ottla broker made, or a new directory, is taken. */
function refuseForeign(disk: Disk, path: string): void {
  if (MetadataLog.isIn(disk, path)) return;
  const names = disk.list(path).map((entry) => entry.name);
  const foreign = names.find((name) => !harmless.has(name));
  if (foreign === undefined) return;
  if (names.includes("meta.properties")) {
    throw new DataDirectoryError(`data directory ${path} belongs to Apache Kafka (it has a meta.properties)`);
  }
  throw new DataDirectoryError(
    `data directory ${path} is not empty and not an Ottla broker's (it has ${foreign} and no metadata.log)`,
  );
}
