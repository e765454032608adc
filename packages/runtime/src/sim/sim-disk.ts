import { type Disk, type DiskEntry, DiskError, type DiskFile, type DiskLock, DiskLockedError } from "../disk.ts";
import { type MemoryDirectory, type MemoryFile, MemoryTree, type NameChange } from "../memory-tree.ts";
import { type DiskFault, DiskFaults, type DiskOperation, reached, type Strike } from "./disk-faults.ts";
import { type CrashKeeps, DurablePlane } from "./durable-plane.ts";
import { digest } from "./history.ts";
import type { SimClock } from "./sim-clock.ts";
import { SimKilledError } from "./sim-killed-error.ts";
import type { WriteLine } from "./sim-process.ts";
import { type SimRandom, simRandom } from "./sim-random.ts";

export interface SimDiskOptions {
  readonly clock: SimClock;
  /** Decides how long syncs take and what a crash leaves; seeded with 0 by default. */
  readonly random?: SimRandom;
  /** How long a sync takes, in milliseconds; 0.2 to 10 by default. */
  readonly syncMs?: { readonly min: number; readonly max: number };
  /** Is told of every operation that changes something. */
  readonly record?: WriteLine;
}

/** A simulated disk; see `SimDisk`. */
export function simDisk(options: SimDiskOptions): SimDisk {
  return new SimDisk(options);
}

/**
 * The disk of a simulated machine. It has two planes: the live one, which processes read and write, and the durable one, which holds what was synced. The death of
 * a process costs nothing but its handles and locks; the death of the machine leaves the durable plane and, of the rest, whatever the seed says.
 * Processes use a disk through a mount.
 */
export class SimDisk {
  /** How many bytes all files together may have; what doesn't fit fails with `ENOSPC`. */
  capacity = Number.POSITIVE_INFINITY;
  /** How long a sync takes, in milliseconds; may be changed at any time. */
  syncMs: { readonly min: number; readonly max: number };
  /** What a crash may leave, where nobody says; without `"any"` it is a disk that writes the changes of a file in their order. */
  crashes: readonly CrashKeeps[] = ["none", "all", "prefix", "any"];
  readonly faults = new DiskFaults();
  readonly tree: MemoryTree;
  readonly plane = new DurablePlane();
  readonly locks = new Map<MemoryFile, SimMount>();
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly record: WriteLine;
  /** Called when the machine dies, before anything else of it does. */
  onMachineCrash: (() => void) | null = null;
  readonly #mounts = new Set<SimMount>();

  constructor({ clock, random = simRandom(0), syncMs = { min: 0.2, max: 10 }, record = null }: SimDiskOptions) {
    this.clock = clock;
    this.random = random;
    this.record = record;
    this.syncMs = syncMs;
    this.tree = new MemoryTree(() => clock.now());
  }

  /** The disk as one process has it, until that dies. `run` calls into the process, at once unless it is paused. */
  mount(onKilled: () => void = () => {}, run: (callback: () => void) => void = (callback) => callback()): SimMount {
    const killed = () => {
      this.#mounts.delete(mount);
      onKilled();
    };
    const mount = new SimMount(this, killed, run);
    this.#mounts.add(mount);
    return mount;
  }

  /** How many operations of each kind there were; `change` is all but reads and opens. */
  get counts(): Readonly<Record<DiskOperation | "change", number>> {
    return this.faults.counts;
  }

  /** Lets something go wrong. */
  plan(fault: DiskFault): void {
    this.faults.plan(fault);
  }

  /** Flips a bit (0 to 7) of the byte at `position`, for good. */
  flipBit(path: string, position: number, bit: number): void {
    this.record?.(`flip ${path} ${position}.${bit}`);
    this.plane.flipBit(this.tree.file("flip", path), position, bit);
  }

  /** Every process that uses the disk dies. What they have written stays. */
  crashProcess(): void {
    for (const mount of [...this.#mounts]) mount.kill();
  }

  /** The machine dies, and what was not synced is lost, all or in part. The planned faults are forgotten. */
  crashMachine(options: { readonly keeps?: CrashKeeps } = {}): void {
    // First of all: processes that die one by one would still say goodbye to their peers.
    this.onMachineCrash?.();
    this.crashProcess();
    const keeps = options.keeps ?? this.random.pick(this.crashes);
    this.record?.(`crash keeps ${keeps}`);
    this.faults.clear();
    this.plane.crash(this.tree, this.random, keeps);
  }

  /** How long the next sync takes. */
  syncDelayMs(): number {
    return this.random.between(this.syncMs.min, this.syncMs.max);
  }

  /** How many bytes more may be written. */
  free(): number {
    return this.capacity === Number.POSITIVE_INFINITY ? this.capacity : this.capacity - sizeOf(this.tree.root);
  }
}

/** What a dead process waits for. */
function never(): Promise<never> {
  return new Promise(() => {});
}

function sizeOf(directory: MemoryDirectory): number {
  let size = 0;
  for (const node of directory.entries.values()) size += node.kind === "file" ? node.bytes.size : sizeOf(node);
  return size;
}

/** A simulated disk as one process has it. Once that is dead every call throws a `SimKilledError`, except that
 * what it would wait for never comes. */
export class SimMount implements Disk {
  readonly #disk: SimDisk;
  readonly #onKilled: () => void;
  readonly #run: (callback: () => void) => void;
  #alive = true;

  constructor(disk: SimDisk, onKilled: () => void, run: (callback: () => void) => void) {
    this.#disk = disk;
    this.#onKilled = onKilled;
    this.#run = run;
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  /** The process dies: its handles are worth nothing any more, its locks are free. */
  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const [file, holder] of this.#disk.locks) if (holder === this) this.#disk.locks.delete(file);
    this.#onKilled();
  }

  open(path: string, mode: "read" | "write" | "create"): DiskFile {
    this.check();
    return new SimFile(this.#disk, this, path, this.#openFile(path, mode), mode !== "read");
  }

  readFile(path: string): Buffer {
    return this.perform("read", path, () => this.#disk.tree.file("read", path).bytes.toBuffer());
  }

  stat(path: string): DiskEntry | null {
    this.check();
    return this.#disk.tree.stat(path);
  }

  list(path: string): DiskEntry[] {
    this.check();
    return this.#disk.tree.list(path);
  }

  makeDirectory(path: string): void {
    this.perform("makeDirectory", path, () => this.#note(this.#disk.tree.makeDirectory(path)));
  }

  rename(from: string, to: string): void {
    this.perform("rename", from, () => {
      this.#disk.record?.(`rename ${from} ${to}`);
      this.#disk.plane.noteNames(this.#disk.tree.rename(from, to));
    });
  }

  remove(path: string): void {
    this.perform("remove", path, (strike) => {
      // A directory goes entry by entry, and a crash finds it half empty.
      const all = this.#removalOrder(path);
      for (const name of all.slice(0, reached(strike, all.length, this.#disk.random))) {
        this.#disk.record?.(`remove ${name}`);
        this.#note(this.#disk.tree.remove(name));
      }
    });
  }

  async syncDirectory(path: string): Promise<void> {
    if (!this.#alive) return never();
    const directory = this.#disk.tree.directory("sync", path);
    const { sequence } = this.#disk.plane;
    await this.later("syncDirectory", path, (isDone) => {
      if (isDone) this.#disk.plane.syncNames(directory, sequence);
    });
  }

  lock(path: string): DiskLock {
    this.check();
    const file = this.#openFile(path, "create");
    const { locks } = this.#disk;
    if (locks.has(file)) throw new DiskLockedError(path);
    locks.set(file, this);
    let held = true;
    return {
      release: () => {
        if (held && this.#alive) locks.delete(file);
        held = false;
      },
    };
  }

  check(): void {
    if (!this.#alive) throw new SimKilledError();
  }

  /** Does what was asked for, unless a fault strikes: then perhaps, or the part that `body` makes of it. */
  perform<T>(operation: DiskOperation, path: string, body: (strike: Strike | null) => T): T {
    this.check();
    const strike = this.#disk.faults.next(operation, path);
    if (strike === null) return body(null);
    // A write is told of it and does a part of its bytes, a removal a part of its entries; of anything else there is no part.
    const hasParts = operation === "write" || operation === "remove";
    if (hasParts || reached(strike, 1, this.#disk.random) === 1) body(strike);
    throw this.#suffer(strike, operation, path);
  }

  /** A sync: the same, but some time later. */
  later(
    operation: "sync" | "syncDirectory",
    path: string,
    body: (isDone: boolean, hasFailed: boolean) => void,
  ): Promise<void> {
    const strike = this.#disk.faults.next(operation, path);
    return new Promise((resolve, reject) => {
      this.#disk.clock.schedule(this.#disk.syncDelayMs(), () => {
        if (!this.#alive) return;
        this.#disk.record?.(`${operation} ${path}`);
        body(reached(strike, 1, this.#disk.random) === 1, strike?.effect === "fail");
        if (strike === null) this.#run(resolve);
        else {
          const error = this.#suffer(strike, operation, path);
          if (error instanceof DiskError) this.#run(() => reject(error));
        }
      });
    });
  }

  #suffer(strike: Strike, operation: DiskOperation, path: string): Error {
    this.#disk.record?.(`fault ${strike.effect} at ${operation} ${path}`);
    if (strike.effect === "fail") return new DiskError(operation, path, strike.code);
    if (strike.effect === "killProcess") this.kill();
    else this.#disk.crashMachine();
    return new SimKilledError();
  }

  #openFile(path: string, mode: "read" | "write" | "create"): MemoryFile {
    const { tree } = this.#disk;
    if (mode !== "create" || tree.find(path) !== undefined) {
      return this.perform("open", path, () => tree.file("open", path));
    }
    return this.perform("create", path, () => {
      const { file, changes } = tree.createFile(path);
      this.#disk.record?.(`create ${path}`);
      this.#note(changes);
      return file;
    });
  }

  /** Names that changed one after the other, and so don't survive together. */
  #note(changes: readonly NameChange[]): void {
    for (const change of changes) this.#disk.plane.noteNames([change]);
  }

  #removalOrder(path: string): string[] {
    const entry = this.#disk.tree.stat(path);
    if (entry === null) return [];
    if (!entry.isDirectory) return [path];
    return [...this.#disk.tree.list(path).flatMap(({ name }) => this.#removalOrder(`${path}/${name}`)), path];
  }
}

class SimFile implements DiskFile {
  readonly path: string;
  readonly #disk: SimDisk;
  readonly #mount: SimMount;
  readonly #file: MemoryFile;
  readonly #writable: boolean;
  #closed = false;

  constructor(disk: SimDisk, mount: SimMount, path: string, file: MemoryFile, writable: boolean) {
    this.path = path;
    this.#disk = disk;
    this.#mount = mount;
    this.#file = file;
    this.#writable = writable;
  }

  size(): number {
    this.#check("stat");
    return this.#file.bytes.size;
  }

  read(position: number, into: Uint8Array): number {
    this.#check("read");
    return this.#mount.perform("read", this.path, () => this.#file.bytes.read(position, into));
  }

  write(position: number, chunks: readonly Uint8Array[]): void {
    this.#check("write", "EBADF");
    const bytes = Buffer.concat(chunks);
    this.#mount.perform("write", this.path, (strike) => {
      const wanted = reached(strike, bytes.length, this.#disk.random);
      const growth = Math.max(0, position + wanted - this.#file.bytes.size);
      const missing = Math.max(0, growth - Math.max(0, this.#disk.free()));
      this.#put(position, bytes.subarray(0, Math.max(0, wanted - missing)));
      if (missing > 0) throw new DiskError("write", this.path, "ENOSPC");
    });
  }

  truncate(size: number): void {
    this.#check("truncate", "EINVAL");
    this.#mount.perform("truncate", this.path, () => {
      this.#disk.record?.(`truncate ${this.path} ${size}`);
      this.#file.bytes.truncate(size);
      this.#file.modifiedMs = this.#disk.clock.now();
      this.#disk.plane.noteTruncate(this.#file, size);
    });
  }

  async sync(): Promise<void> {
    if (!this.#mount.isAlive) return never();
    this.#check("sync");
    const { sequence } = this.#disk.plane;
    await this.#mount.later("sync", this.path, (isDone, hasFailed) => {
      if (isDone) this.#disk.plane.syncFile(this.#file, sequence);
      else if (hasFailed) this.#disk.plane.loseFile(this.#file, sequence);
    });
  }

  syncBlocking(): void {
    this.#check("sync");
    const { sequence } = this.#disk.plane;
    const { plane } = this.#disk;
    try {
      this.#mount.perform("sync", this.path, () => {
        this.#disk.record?.(`syncBlocking ${this.path}`);
        plane.syncFile(this.#file, sequence);
      });
    } catch (error) {
      // What it reached is no longer pending, the rest is lost.
      if (error instanceof DiskError) plane.loseFile(this.#file, sequence);
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
  }

  #put(position: number, bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#disk.record?.(`write ${this.path} ${position} ${digest(bytes)}`);
    this.#file.bytes.write(position, bytes);
    this.#file.modifiedMs = this.#disk.clock.now();
    this.#disk.plane.noteWrite(this.#file, position, bytes);
  }

  #check(operation: string, codeOfReadOnly: string | null = null): void {
    this.#mount.check();
    if (this.#closed) throw new DiskError(operation, this.path, "EBADF");
    if (codeOfReadOnly !== null && !this.#writable) throw new DiskError(operation, this.path, codeOfReadOnly);
  }
}
