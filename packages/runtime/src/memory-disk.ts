import type { Clock } from "./clock.ts";
import { type Disk, type DiskEntry, DiskError, type DiskFile, type DiskLock, DiskLockedError } from "./disk.ts";
import { type MemoryFile, MemoryTree } from "./memory-tree.ts";
import { nodeClock } from "./node-clock.ts";

/**
 * A disk in memory, for brokers without a data directory and for tests: empty at first, gone with the last reference to it. Syncs do nothing and locks hold
 * within this disk. `clock` gives the files' times of change.
 */
export function memoryDisk(clock: Clock = nodeClock()): Disk {
  return new MemoryDisk(clock);
}

class MemoryDisk implements Disk {
  readonly #clock: Clock;
  readonly #tree: MemoryTree;
  readonly #locks = new Set<MemoryFile>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#tree = new MemoryTree(() => clock.now());
  }

  open(path: string, mode: "read" | "write" | "create"): DiskFile {
    const file = mode === "create" ? this.#tree.createFile(path).file : this.#tree.file("open", path);
    return new OpenMemoryFile(path, file, mode !== "read", this.#clock);
  }

  readFile(path: string): Buffer {
    return this.#tree.file("read", path).bytes.toBuffer();
  }

  stat(path: string): DiskEntry | null {
    return this.#tree.stat(path);
  }

  list(path: string): DiskEntry[] {
    return this.#tree.list(path);
  }

  makeDirectory(path: string): void {
    this.#tree.makeDirectory(path);
  }

  rename(from: string, to: string): void {
    this.#tree.rename(from, to);
  }

  remove(path: string): void {
    this.#tree.remove(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#tree.directory("sync", path);
  }

  lock(path: string): DiskLock {
    const { file } = this.#tree.createFile(path);
    if (this.#locks.has(file)) throw new DiskLockedError(path);
    this.#locks.add(file);
    let held = true;
    return {
      release: () => {
        if (held) this.#locks.delete(file);
        held = false;
      },
    };
  }
}

class OpenMemoryFile implements DiskFile {
  readonly path: string;
  readonly #writable: boolean;
  readonly #clock: Clock;
  #file: MemoryFile | null;

  constructor(path: string, file: MemoryFile, writable: boolean, clock: Clock) {
    this.path = path;
    this.#file = file;
    this.#writable = writable;
    this.#clock = clock;
  }

  size(): number {
    return this.#opened("stat").bytes.size;
  }

  read(position: number, into: Uint8Array): number {
    return this.#opened("read").bytes.read(position, into);
  }

  write(position: number, chunks: readonly Uint8Array[]): void {
    const file = this.#forWriting("write");
    let at = position;
    for (const chunk of chunks) {
      file.bytes.write(at, chunk);
      at += chunk.length;
    }
    file.modifiedMs = this.#clock.now();
  }

  truncate(size: number): void {
    const file = this.#forWriting("truncate");
    file.bytes.truncate(size);
    file.modifiedMs = this.#clock.now();
  }

  async sync(): Promise<void> {
    this.#opened("sync");
  }

  syncBlocking(): void {
    this.#opened("sync");
  }

  close(): void {
    this.#file = null;
  }

  #opened(operation: string): MemoryFile {
    if (this.#file === null) throw new DiskError(operation, this.path, "EBADF");
    return this.#file;
  }

  #forWriting(operation: string): MemoryFile {
    const file = this.#opened(operation);
    if (!this.#writable) throw new DiskError(operation, this.path, operation === "truncate" ? "EINVAL" : "EBADF");
    return file;
  }
}
