/**
 * Files as the rest of Ottla sees them. Writes go to the page cache and return when the system has them: they
 * survive the death of the process, not that of the machine. `sync` is what makes them survive that too. Every method that
 * fails throws (or rejects with) a `DiskError`.
 */
export interface Disk {
  /**
   * Opens a file for random access. `"read"` and `"write"` (read and write) fail with `ENOENT` where it is missing, `"create"` makes it
   * where it is missing and opens it for reading and writing.
   */
  open(path: string, mode: "read" | "write" | "create"): DiskFile;
  /** The whole content of a file. */
  readFile(path: string): Buffer;
  /** What is at `path`, or null where nothing is. */
  stat(path: string): DiskEntry | null;
  /** The entries of a directory, sorted by name. */
  list(path: string): DiskEntry[];
  /** Makes a directory and its missing parents; does nothing where it exists. */
  makeDirectory(path: string): void;
  /** Moves a file or a directory; an existing file at `to` is replaced atomically. */
  rename(from: string, to: string): void;
  /** Removes a file, or a directory with all that is in it; does nothing where it is missing. */
  remove(path: string): void;
  /** Makes creations, renames and removals in a directory survive the death of the machine. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Takes the exclusive lock that `path` (a file, made where missing) stands for. The system releases it when the process dies, however it dies.
   * Throws `DiskLockedError` while another holder, in this process or another, has it.
   */
  lock(path: string): DiskLock;
}

export interface DiskEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  /** In bytes; 0 for a directory. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** An open file. Positions and sizes are bytes. */
export interface DiskFile {
  readonly path: string;
  size(): number;
  /** Fills `into` from `position` on and returns how many bytes there were: fewer than asked for only at the end of the file. */
  read(position: number, into: Uint8Array): number;
  /** Writes all the chunks one after the other, or throws; after a throw any part of them may have been written. */
  write(position: number, chunks: readonly Uint8Array[]): void;
  /** Cuts the file, or extends it with zeros. */
  truncate(size: number): void;
  /** Makes all that was written before the call survive the death of the machine (fdatasync). A rejection means that it may be lost for good, even if a later call succeeds. */
  sync(): Promise<void>;
  /** Like `sync`, but blocks: for shutdown. */
  syncBlocking(): void;
  /** Closes it; a second call does nothing. */
  close(): void;
}

export interface DiskLock {
  release(): void;
}

/** A failed file operation: `code` is the system's (`ENOENT`, `EIO`, `ENOSPC`, ...). */
export class DiskError extends Error {
  override readonly name: string = "DiskError";
  readonly code: string;
  readonly path: string;

  constructor(operation: string, path: string, code: string, options?: ErrorOptions) {
    super(`${operation} of ${path} failed: ${code}`, options);
    this.code = code;
    this.path = path;
  }
}

/** The lock is held by somebody else. */
export class DiskLockedError extends DiskError {
  override readonly name = "DiskLockedError";

  constructor(path: string) {
    super("lock", path, "ELOCKED");
  }
}
