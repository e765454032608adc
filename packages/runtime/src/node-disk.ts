import fs from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { type Disk, type DiskEntry, DiskError, type DiskFile, type DiskLock, DiskLockedError } from "./disk.ts";

/** How many chunks the system takes in one write (IOV_MAX of Linux and macOS). */
const maxChunksPerWrite = 1024;

/** The file system of the machine. Paths are the system's; a relative one starts at the working directory. */
export function nodeDisk(): Disk {
  return disk;
}

const openFlags = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT,
};

const disk: Disk = {
  open: (path, mode) =>
    new NodeFile(
      path,
      attempt("open", path, () => fs.openSync(path, openFlags[mode], 0o644)),
    ),
  readFile: (path) => attempt("read", path, () => fs.readFileSync(path)),
  stat: (path) =>
    attempt("stat", path, () => {
      const found = fs.statSync(path, { throwIfNoEntry: false });
      return found === undefined ? null : entry(basename(path), found);
    }),
  list: (path) =>
    attempt("list", path, () => {
      const entries: DiskEntry[] = [];
      for (const name of fs.readdirSync(path).sort()) {
        // What is removed between the two calls, or is a link to nothing, is not there.
        const found = fs.statSync(join(path, name), { throwIfNoEntry: false });
        if (found !== undefined) entries.push(entry(name, found));
      }
      return entries;
    }),
  makeDirectory: (path) => attempt("make directory", path, () => makeDirectories(path)),
  rename: (from, to) => attempt("rename", from, () => fs.renameSync(from, to)),
  remove: (path) => attempt("remove", path, () => fs.rmSync(path, { recursive: true, force: true })),
  syncDirectory,
  lock: (path) => new NodeLock(path),
};

function entry(name: string, stats: fs.Stats): DiskEntry {
  const isDirectory = stats.isDirectory();
  return { name, isDirectory, size: isDirectory ? 0 : stats.size, modifiedMs: Math.trunc(stats.mtimeMs) };
}

/** Node's own recursive form tries for ever where a file system says of an existing parent that it does not exist, as /proc does. */
function makeDirectories(path: string): void {
  if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectories(parent);
  try {
    fs.mkdirSync(path);
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

function attempt<T>(operation: string, path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw diskError(operation, path, error);
  }
}

function diskError(operation: string, path: string, cause: unknown): DiskError {
  if (cause instanceof DiskError) return cause;
  const code = (cause as { code?: unknown }).code;
  return new DiskError(operation, path, typeof code === "string" ? code : String(cause), { cause });
}

function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories; there the file system's journal has to do.
  if (process.platform === "win32") return Promise.resolve();
  return new Promise((resolve, reject) => {
    fs.open(path, fs.constants.O_RDONLY, (openFailure, descriptor) => {
      if (openFailure) {
        reject(diskError("sync", path, openFailure));
        return;
      }
      fs.fsync(descriptor, (failure) => {
        fs.close(descriptor, () => {
          if (failure) reject(diskError("sync", path, failure));
          else resolve();
        });
      });
    });
  });
}

class NodeFile implements DiskFile {
  readonly path: string;
  readonly #descriptor: number;
  #closed = false;
  #runningSyncs = 0;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  size(): number {
    return attempt("stat", this.path, () => fs.fstatSync(this.#opened()).size);
  }

  read(position: number, into: Uint8Array): number {
    try {
      const descriptor = this.#opened();
      let done = 0;
      while (done < into.length) {
        const count = fs.readSync(descriptor, into, done, into.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    } catch (error) {
      throw diskError("read", this.path, error);
    }
  }

  write(position: number, chunks: readonly Uint8Array[]): void {
    try {
      const descriptor = this.#opened();
      let rest = chunks;
      let at = position;
      while (rest.length > 0) {
        const now = rest.length > maxChunksPerWrite ? rest.slice(0, maxChunksPerWrite) : rest;
        const written =
          now.length === 1
            ? fs.writeSync(descriptor, now[0]!, 0, now[0]!.length, at)
            : fs.writevSync(descriptor, now as Uint8Array[], at);
        if (written === 0 && now.some((chunk) => chunk.length > 0)) {
          throw new DiskError("write", this.path, "EIO");
        }
        at += written;
        rest = unwritten(rest, now.length, written);
      }
    } catch (error) {
      throw diskError("write", this.path, error);
    }
  }

  truncate(size: number): void {
    attempt("truncate", this.path, () => fs.ftruncateSync(this.#opened(), size));
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new DiskError("sync", this.path, "EBADF"));
        return;
      }
      this.#runningSyncs++;
      fs.fdatasync(this.#descriptor, (failure) => {
        this.#runningSyncs--;
        if (this.#closed && this.#runningSyncs === 0) fs.close(this.#descriptor, () => {});
        if (failure) reject(diskError("sync", this.path, failure));
        else resolve();
      });
    });
  }

  syncBlocking(): void {
    attempt("sync", this.path, () => fs.fdatasyncSync(this.#opened()));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // A sync waits in a thread's queue with nothing but the descriptor's number. Were the descriptor closed now, the next file to be
    // opened could get that number, and the sync would answer for the wrong file. The last sync to end closes it instead.
    if (this.#runningSyncs === 0) attempt("close", this.path, () => fs.closeSync(this.#descriptor));
  }

  #opened(): number {
    if (this.#closed) throw new DiskError("use", this.path, "EBADF");
    return this.#descriptor;
  }
}

/** What is left of `chunks` when a write that was given the first `given` of them took `written` bytes. */
function unwritten(chunks: readonly Uint8Array[], given: number, written: number): readonly Uint8Array[] {
  let left = written;
  for (let i = 0; i < given; i++) {
    const chunk = chunks[i]!;
    if (left < chunk.length) return [chunk.subarray(left), ...chunks.slice(i + 1)];
    left -= chunk.length;
  }
  return given === chunks.length ? [] : chunks.slice(given);
}

/** The one function used of the addon: false where another open file description has the lock. */
interface LockAddon {
  tryLock(descriptor: number): boolean;
}

/**
 * A lock of the system on an open file (an open-file-description lock on Linux, flock on macOS, LockFileEx on Windows): it goes away with
 * the descriptor, so with the process, and it holds against other openers of the same process. Node has no call for it.
 */
function loadLockAddon(path: string): LockAddon {
  const load = createRequire(import.meta.url);
  try {
    return lockBinding(load) ?? (load(lockPackage) as LockAddon);
  } catch (cause) {
    const error = new DiskError("lock", path, "ENOSYS", { cause });
    error.message += ` (the addon fs-native-extensions, which locks files, can't be loaded on ${process.platform}-${process.arch}: ${(cause as Error).message})`;
    throw error;
  }
}

const lockPackage = "fs-native-extensions";

/** Throws EAGAIN where somebody else has the lock. */
type LockBinding = { tryLock(descriptor: number, offset: number, length: number, isExclusive: boolean): void };

/**
 * The package's binary straight from where it lies: the package looks for it in a general way that takes 10 ms of processor time and more.
 * Null where it is not there or can't be loaded: then the package has to find it.
 */
function lockBinding(load: (name: string) => unknown): LockAddon | null {
  let binding: LockBinding;
  try {
    const binary = `prebuilds/${process.platform}-${process.arch}/${lockPackage}.node`;
    binding = load(`${lockPackage}/${binary}`) as LockBinding;
  } catch {
    return null;
  }
  return {
    tryLock: (descriptor) => {
      try {
        binding.tryLock(descriptor, 0, 0, true);
      } catch (error) {
        if ((error as { code?: unknown }).code === "EAGAIN") return false;
        throw error;
      }
      return true;
    },
  };
}

class NodeLock implements DiskLock {
  readonly #path: string;
  #descriptor: number;

  constructor(path: string) {
    this.#path = path;
    const addon = loadLockAddon(path);
    for (;;) {
      const descriptor = attempt("lock", path, () => fs.openSync(path, openFlags.create, 0o644));
      if (this.#take(addon, descriptor)) {
        this.#descriptor = descriptor;
        return;
      }
    }
  }

  release(): void {
    if (this.#descriptor < 0) return;
    const descriptor = this.#descriptor;
    this.#descriptor = -1;
    // The file stays: were it removed, somebody who has just opened it would get a lock on a file that the next one doesn't see.
    attempt("unlock", this.#path, () => fs.closeSync(descriptor));
  }

  /** True with the lock, false to open the file anew; throws, with the file closed, where it can't be had. */
  #take(addon: LockAddon, descriptor: number): boolean {
    let kept = false;
    try {
      if (!addon.tryLock(descriptor)) throw new DiskLockedError(this.#path);
      // Somebody may have removed or replaced the file since it was opened: then the lock on it keeps nobody out.
      const locked = fs.fstatSync(descriptor, { bigint: true });
      const named = fs.statSync(this.#path, { bigint: true, throwIfNoEntry: false });
      kept = named !== undefined && named.ino === locked.ino && named.dev === locked.dev;
      return kept;
    } catch (error) {
      throw diskError("lock", this.#path, error);
    } finally {
      if (!kept) fs.closeSync(descriptor);
    }
  }
}
