import type { Disk } from "@ottla/runtime";

/**
 * Replaces a file so that a reader finds the old or the new content, whenever the process dies. After a failure of the machine it may be the old content,
 * until somebody syncs.
 */
export function replaceFile(disk: Disk, path: string, content: Uint8Array): void {
  const temporary = `${path}.tmp`;
  const file = disk.open(temporary, "create");
  try {
    file.truncate(0);
    file.write(0, [content]);
  } finally {
    file.close();
  }
  disk.rename(temporary, path);
}

/**
 * Like `replaceFile`; the new content has reached the disk before it gets the name. Where `isWanted` says no by then, the file is left as it is, and so is what
 * `replaceFile` made of it in the meantime. Returns whether the file was replaced. Not to be called for one file before the last call has ended.
 */
export async function replaceFileDurably(
  disk: Disk,
  path: string,
  content: Uint8Array,
  isWanted: () => boolean = () => true,
): Promise<boolean> {
  const temporary = `${path}.new`;
  const file = disk.open(temporary, "create");
  try {
    file.truncate(0);
    file.write(0, [content]);
    await file.sync();
  } finally {
    file.close();
  }
  if (!isWanted()) return false;
  disk.rename(temporary, path);
  return true;
}

/** The content of a file, or null where there is none. */
export function readFileIfThere(disk: Disk, path: string): Buffer | null {
  return disk.stat(path) === null ? null : disk.readFile(path);
}
