import { crc32c, DecodeError } from "@ottla/protocol";
import type { Disk, DiskFile } from "@ottla/runtime";
import { decodeChange, encodeChange, type MetadataRecord } from "./metadata-records.ts";

/** "OTMD": begins every change in the file. */
const magic = 0x4f544d44;
/** Magic, size of the payload, CRC-32C of the payload. */
const headerSize = 12;
const fileName = "metadata.log";
const temporaryName = "metadata.log.new";
/** The file is rewritten as a snapshot once it has grown by this much, or to twice the last snapshot if that is more. */
const leastGrowth = 256 * 1024;

/** The metadata log cannot be used as it is. The message says where and what to do. */
export class MetadataDamagedError extends Error {
  override readonly name = "MetadataDamagedError";
}

/**
 * The broker's own durable log of topics, settings, leader epochs and producer ids: `metadata.log` in the data directory. Each change is one checksummed entry; a
 * change is acknowledged once it is synced. The file is replaced by a snapshot of the state when it has grown, through a second file that is renamed over it.
 */
export class MetadataLog {
  private readonly disk: Disk;
  private readonly directory: string;
  private file: DiskFile;
  private end: number;
  private snapshotSize: number;
  /** Set by the first failed write or sync: what the file holds is then uncertain, and nothing more is appended. */
  private failure: Error | null = null;

  private constructor(disk: Disk, directory: string, file: DiskFile, end: number) {
    this.disk = disk;
    this.directory = directory;
    this.file = file;
    this.end = end;
    this.snapshotSize = end;
  }

  /** Whether the directory holds a metadata log. */
  static isIn(disk: Disk, directory: string): boolean {
    return disk.stat(`${directory}/${fileName}`) !== null;
  }

  /**
   * Opens the log, making it where it is missing, and returns the changes in it. A change that was cut short by a crash, and so never acknowledged, is cut off.
   * Throws a `MetadataDamagedError` when the file is damaged before its end, or holds what a newer version wrote; then nothing has been changed.
   */
  static open(disk: Disk, directory: string): { log: MetadataLog; changes: MetadataRecord[][]; cutBytes: number } {
    const path = `${directory}/${fileName}`;
    const bytes = disk.stat(path) === null ? Buffer.alloc(0) : disk.readFile(path);
    const { changes, end } = readChanges(path, bytes);
    disk.remove(`${directory}/${temporaryName}`);
    const file = disk.open(path, "create");
    if (end < bytes.length) file.truncate(end);
    return { log: new MetadataLog(disk, directory, file, end), changes, cutBytes: bytes.length - end };
  }

  /** Appends one change and syncs it. Calls must not overlap. Rejects with the `DiskError` when that fails; every later call then rejects too. */
  async append(records: readonly MetadataRecord[]): Promise<void> {
    if (this.failure !== null) throw this.failure;
    const entry = encodeEntry(records);
    const isFirst = this.end === 0;
    try {
      this.file.write(this.end, [entry]);
      this.end += entry.length;
      await this.file.sync();
      if (isFirst) await this.disk.syncDirectory(this.directory);
    } catch (error) {
      this.failure = error as Error;
      throw error;
    }
  }

  /** Whether it is time to call `rewrite`. */
  get isDueForRewrite(): boolean {
    return this.failure === null && this.end - this.snapshotSize > Math.max(leastGrowth, this.snapshotSize);
  }

  /** Replaces all changes by the records that make up the present state. Must not overlap `append`. */
  async rewrite(records: readonly MetadataRecord[]): Promise<void> {
    if (this.failure !== null) throw this.failure;
    const entry = encodeEntry(records);
    const temporary = `${this.directory}/${temporaryName}`;
    const path = `${this.directory}/${fileName}`;
    try {
      this.disk.remove(temporary);
      const file = this.disk.open(temporary, "create");
      file.write(0, [entry]);
      await file.sync();
      file.close();
      this.disk.rename(temporary, path);
      await this.disk.syncDirectory(this.directory);
      this.file.close();
      this.file = this.disk.open(path, "write");
      this.end = entry.length;
      this.snapshotSize = entry.length;
    } catch (error) {
      this.failure = error as Error;
      throw error;
    }
  }

  /** Closes the file; what was appended is synced already. */
  close(): void {
    this.file.close();
    this.failure ??= new Error("the metadata log is closed");
  }
}

function encodeEntry(records: readonly MetadataRecord[]): Buffer {
  const payload = encodeChange(records);
  const entry = Buffer.allocUnsafe(headerSize + payload.length);
  entry.writeInt32BE(magic, 0);
  entry.writeInt32BE(payload.length, 4);
  entry.writeUInt32BE(crc32c(payload), 8);
  payload.copy(entry, headerSize);
  return entry;
}

/** The payload of the entry at a position; null where there is no whole and sound one. */
function payloadAt(bytes: Buffer, position: number): Buffer | null {
  if (position + headerSize > bytes.length || bytes.readInt32BE(position) !== magic) return null;
  const size = bytes.readInt32BE(position + 4);
  const start = position + headerSize;
  // No change is empty: a header that was torn behind its first bytes, with zeros after that, says 0 and has the checksum of nothing.
  if (size <= 0 || start + size > bytes.length) return null;
  const payload = bytes.subarray(start, start + size);
  return crc32c(payload) === bytes.readUInt32BE(position + 8) ? payload : null;
}

function readChanges(path: string, bytes: Buffer): { changes: MetadataRecord[][]; end: number } {
  const changes: MetadataRecord[][] = [];
  let position = 0;
  while (position < bytes.length) {
    const payload = payloadAt(bytes, position);
    if (payload === null) {
      refuseDamage(path, bytes, position);
      break;
    }
    try {
      changes.push(decodeChange(payload));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw new MetadataDamagedError(`${path} cannot be read at position ${position}: ${error.message}`, {
        cause: error,
      });
    }
    position += headerSize + payload.length;
  }
  return { changes, end: position };
}

/** A sound entry behind the bad bytes was acknowledged: this is no torn tail, and cutting it would lose what somebody relies on. */
function refuseDamage(path: string, bytes: Buffer, position: number): void {
  const first = Buffer.from("OTMD");
  for (let at = bytes.indexOf(first, position + 1); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (payloadAt(bytes, at) !== null) {
      throw new MetadataDamagedError(
        `${path} is damaged at position ${position}, and sound entries follow at ${at}; restore the file from a copy`,
      );
    }
  }
}
