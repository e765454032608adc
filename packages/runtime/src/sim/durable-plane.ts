import { MemoryBytes } from "../memory-bytes.ts";
import {
  type MemoryDirectory,
  type MemoryFile,
  type MemoryNode,
  type MemoryTree,
  type NameChange,
  setName,
} from "../memory-tree.ts";
import type { SimRandom } from "./sim-random.ts";

/**
 * What a crash of the machine leaves of what was not synced: `"none"` of it; `"all"`; of each file and directory a `"prefix"` of the changes, torn
 * at a byte; or `"any"` of them in any combination, whole, torn or as zeros. Seeded by default.
 */
export type CrashKeeps = "none" | "all" | "prefix" | "any";

/** A write (or, without bytes, a truncation to `position`) that no sync has covered. */
interface PendingChange {
  readonly sequence: number;
  readonly position: number;
  readonly bytes: Buffer | null;
}

interface FilePlane {
  readonly durable: MemoryBytes;
  readonly pending: PendingChange[];
}

/** Names that changed together: all of them survive or none. */
interface PendingNames {
  readonly sequence: number;
  readonly changes: readonly NameChange[];
}

/** What a name durably stands for; null is nothing. The sequence tells an older change from a newer one when they become durable out of order. */
interface DurableName {
  readonly sequence: number;
  readonly node: MemoryNode | null;
}

/**
 * The part of a disk that survives the death of the machine, kept beside the live tree: contents as of their last sync, names as of
 * the last sync of their directory, and the changes since.
 *
 * It is as bad as file systems are allowed to be: contents and names become durable independently of each other, syncing a new file
 * doesn't make its name durable, and unsynced writes survive in any order. Only a rename is atomic, as it is where there is a journal.
 */
export class DurablePlane {
  #sequence = 0;
  #files = new WeakMap<MemoryFile, FilePlane>();
  #names = new WeakMap<MemoryDirectory, Map<string, DurableName>>();
  #pendingNames: PendingNames[] = [];

  noteWrite(file: MemoryFile, position: number, bytes: Buffer): void {
    this.#file(file).pending.push({ sequence: ++this.#sequence, position, bytes });
  }

  noteTruncate(file: MemoryFile, size: number): void {
    this.#file(file).pending.push({ sequence: ++this.#sequence, position: size, bytes: null });
  }

  noteNames(changes: readonly NameChange[]): void {
    if (changes.length > 0) this.#pendingNames.push({ sequence: ++this.#sequence, changes });
  }

  /** What has happened up to now has at most this sequence. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Makes the content durable as it was at `sequence`. */
  syncFile(file: MemoryFile, sequence: number): void {
    const { durable, pending } = this.#file(file);
    while (pending.length > 0 && pending[0]!.sequence <= sequence) apply(durable, pending.shift()!);
  }

  /**
   * A sync that failed. The system takes the pages for clean afterwards, as Linux does: they can still be read, and no later sync writes them.
   */
  loseFile(file: MemoryFile, sequence: number): void {
    const { pending } = this.#file(file);
    while (pending.length > 0 && pending[0]!.sequence <= sequence) pending.shift();
  }

  /** Makes the names of a directory durable. */
  syncNames(directory: MemoryDirectory, sequence: number): void {
    const isCovered = (pending: PendingNames) => pending.sequence <= sequence && touches(pending, directory);
    for (const pending of this.#pendingNames.filter(isCovered)) this.#applyNames(pending);
    this.#pendingNames = this.#pendingNames.filter((pending) => !isCovered(pending));
  }

  /** Flips one bit of a file, on both planes. */
  flipBit(file: MemoryFile, position: number, bit: number): void {
    const byte = Buffer.alloc(1);
    for (const bytes of [file.bytes, this.#file(file).durable]) {
      if (bytes.read(position, byte) === 0) continue;
      byte[0] = byte[0]! ^ (1 << bit);
      bytes.write(position, byte);
    }
    for (const { position: start, bytes } of this.#file(file).pending) {
      const at = position - start;
      if (bytes !== null && at >= 0 && at < bytes.length) bytes[at] = bytes[at]! ^ (1 << bit);
    }
  }

  /** The machine dies: the live tree becomes what is left. */
  crash(tree: MemoryTree, random: SimRandom, keeps: CrashKeeps): void {
    this.#crashNames(random, keeps);
    this.#crashDirectory(tree.root, random, keeps, new Set());
  }

  #crashNames(random: SimRandom, keeps: CrashKeeps): void {
    // A prefix for each directory: a directory's own changes stay in order.
    const left = new Map<MemoryDirectory, number>();
    for (const { changes } of this.#pendingNames) {
      for (const { directory } of changes) left.set(directory, (left.get(directory) ?? 0) + 1);
    }
    for (const [directory, count] of left) left.set(directory, keptCount(count, random, keeps));
    for (const pending of this.#pendingNames) {
      let isKept = false;
      for (const { directory } of pending.changes) {
        const count = left.get(directory)!;
        if (count > 0) isKept = true;
        left.set(directory, count - 1);
      }
      if (isKept) this.#applyNames(pending);
    }
    this.#pendingNames = [];
  }

  #crashDirectory(directory: MemoryDirectory, random: SimRandom, keeps: CrashKeeps, seen: Set<MemoryNode>): void {
    directory.entries.clear();
    for (const [name, { node }] of this.#directory(directory)) {
      // A directory that was moved may durably be at both places; a file too, and that is a link.
      if (node === null || (node.kind === "directory" && seen.has(node))) continue;
      setName(directory, name, node);
      if (seen.has(node)) continue;
      seen.add(node);
      if (node.kind === "directory") this.#crashDirectory(node, random, keeps, seen);
      else this.#crashFile(node, random, keeps);
    }
  }

  #crashFile(file: MemoryFile, random: SimRandom, keeps: CrashKeeps): void {
    const { durable, pending } = this.#file(file);
    if (keeps === "any") {
      for (const change of pending) keepSome(durable, change, random);
    } else {
      const total = pending.reduce((sum, change) => sum + cost(change), 0);
      let left = keptCount(total, random, keeps);
      for (const change of pending) {
        if (left >= cost(change)) apply(durable, change);
        else if (left > 0) durable.write(change.position, change.bytes!.subarray(0, left));
        left = Math.max(0, left - cost(change));
      }
    }
    pending.length = 0;
    file.bytes = durable.clone();
  }

  #applyNames({ sequence, changes }: PendingNames): void {
    for (const { directory, name, node } of changes) {
      const names = this.#directory(directory);
      const present = names.get(name);
      if (present === undefined || present.sequence < sequence) names.set(name, { sequence, node });
    }
  }

  #file(file: MemoryFile): FilePlane {
    let plane = this.#files.get(file);
    if (plane === undefined) {
      plane = { durable: new MemoryBytes(), pending: [] };
      this.#files.set(file, plane);
    }
    return plane;
  }

  #directory(directory: MemoryDirectory): Map<string, DurableName> {
    let names = this.#names.get(directory);
    if (names === undefined) {
      names = new Map();
      this.#names.set(directory, names);
    }
    return names;
  }
}

function touches({ changes }: PendingNames, directory: MemoryDirectory): boolean {
  return changes.some((change) => change.directory === directory);
}

function apply(bytes: MemoryBytes, change: PendingChange): void {
  if (change.bytes === null) bytes.truncate(change.position);
  else bytes.write(change.position, change.bytes);
}

/** A truncation counts as much as one byte. */
function cost(change: PendingChange): number {
  return change.bytes === null ? 1 : change.bytes.length;
}

function keptCount(count: number, random: SimRandom, keeps: CrashKeeps): number {
  if (keeps === "none") return 0;
  return keeps === "all" ? count : random.integer(count + 1);
}

/** One of the things that may become of an unsynced write: nothing, the whole of it, some range of it, or only the size it gave the file. */
function keepSome(bytes: MemoryBytes, change: PendingChange, random: SimRandom): void {
  const fate = random.pick(["lost", "kept", "torn", "zeros"]);
  if (fate === "lost") return;
  if (fate === "kept" || change.bytes === null) {
    apply(bytes, change);
    return;
  }
  const end = change.position + change.bytes.length;
  if (fate === "torn") {
    const from = random.chance(0.5) ? 0 : random.integer(change.bytes.length + 1);
    const to = from + random.integer(change.bytes.length - from + 1);
    bytes.write(change.position + from, change.bytes.subarray(from, to));
  }
  if (bytes.size < end && (fate === "zeros" || random.chance(0.5))) bytes.truncate(end);
}
