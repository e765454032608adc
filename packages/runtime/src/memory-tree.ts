import { type DiskEntry, DiskError } from "./disk.ts";
import { MemoryBytes } from "./memory-bytes.ts";

/** A file in memory. It lives as long as somebody has it open, whatever happens to its name. */
export class MemoryFile {
  readonly kind = "file";
  bytes = new MemoryBytes();
  modifiedMs: number;

  constructor(modifiedMs: number) {
    this.modifiedMs = modifiedMs;
  }
}

export class MemoryDirectory {
  readonly kind = "directory";
  readonly entries = new Map<string, MemoryNode>();
  modifiedMs: number;

  constructor(modifiedMs: number) {
    this.modifiedMs = modifiedMs;
  }
}

export type MemoryNode = MemoryFile | MemoryDirectory;

/** One name of one directory that now stands for something else, or for nothing. */
export interface NameChange {
  readonly directory: MemoryDirectory;
  readonly name: string;
  readonly node: MemoryNode | null;
}

/**
 * Directories and names in memory: the part of a file system that `memoryDisk` and the simulated disk share. Paths are separated by `/` or `\`; an absolute and
 * a relative path to the same names are the same. What changes names returns what it changed.
 */
export class MemoryTree {
  readonly root: MemoryDirectory;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    this.root = new MemoryDirectory(now());
  }

  /** What is at `path`, or undefined where nothing is. */
  find(path: string): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.root;
    for (const name of split(path)) {
      if (node?.kind !== "directory") return undefined;
      node = node.entries.get(name);
    }
    return node;
  }

  file(operation: string, path: string): MemoryFile {
    const node = this.find(path);
    if (node === undefined) throw new DiskError(operation, path, "ENOENT");
    if (node.kind !== "file") throw new DiskError(operation, path, "EISDIR");
    return node;
  }

  directory(operation: string, path: string): MemoryDirectory {
    const node = this.find(path);
    if (node === undefined) throw new DiskError(operation, path, "ENOENT");
    if (node.kind !== "directory") throw new DiskError(operation, path, "ENOTDIR");
    return node;
  }

  stat(path: string): DiskEntry | null {
    const node = this.find(path);
    return node === undefined ? null : describe(split(path).at(-1) ?? "", node);
  }

  list(path: string): DiskEntry[] {
    const { entries } = this.directory("list", path);
    return [...entries.keys()].sort().map((name) => describe(name, entries.get(name)!));
  }

  /** Makes an empty file where nothing is; what is there already is returned with no change. */
  createFile(path: string): { file: MemoryFile; changes: NameChange[] } {
    const { directory, name } = this.#parent("open", path);
    const present = directory.entries.get(name);
    if (present !== undefined) return { file: this.file("open", path), changes: [] };
    const file = new MemoryFile(this.#now());
    return { file, changes: [this.#set(directory, name, file)] };
  }

  makeDirectory(path: string): NameChange[] {
    const changes: NameChange[] = [];
    let directory = this.root;
    for (const name of split(path)) {
      let next = directory.entries.get(name);
      if (next === undefined) {
        next = new MemoryDirectory(this.#now());
        changes.push(this.#set(directory, name, next));
      }
      if (next.kind !== "directory") throw new DiskError("make directory", path, "EEXIST");
      directory = next;
    }
    return changes;
  }

  rename(from: string, to: string): NameChange[] {
    const source = this.#parent("rename", from);
    const node = source.directory.entries.get(source.name);
    if (node === undefined) throw new DiskError("rename", from, "ENOENT");
    const target = this.#parent("rename", to);
    const replaced = target.directory.entries.get(target.name);
    if (replaced === node) return [];
    if (node.kind === "directory" && contains(node, target.directory)) throw new DiskError("rename", from, "EINVAL");
    if (replaced !== undefined) refuseReplacement(node, replaced, to);
    return [this.#set(target.directory, target.name, node), this.#set(source.directory, source.name, null)];
  }

  /** Removes what is at `path` with all that is in it. */
  remove(path: string): NameChange[] {
    if (this.find(path) === undefined) return [];
    const { directory, name } = this.#parent("remove", path);
    return [this.#set(directory, name, null)];
  }

  #parent(operation: string, path: string): { directory: MemoryDirectory; name: string } {
    const names = split(path);
    const name = names.pop();
    if (name === undefined) throw new DiskError(operation, path, "EBUSY");
    return { directory: this.directory(operation, names.join("/")), name };
  }

  #set(directory: MemoryDirectory, name: string, node: MemoryNode | null): NameChange {
    setName(directory, name, node);
    directory.modifiedMs = this.#now();
    return { directory, name, node };
  }
}

/** Makes `name` stand for `node`, or for nothing. */
export function setName(directory: MemoryDirectory, name: string, node: MemoryNode | null): void {
  if (node === null) directory.entries.delete(name);
  else directory.entries.set(name, node);
}

function split(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split(/[/\\]/)) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}

function describe(name: string, node: MemoryNode): DiskEntry {
  const isDirectory = node.kind === "directory";
  return { name, isDirectory, size: isDirectory ? 0 : node.bytes.size, modifiedMs: Math.trunc(node.modifiedMs) };
}

function contains(directory: MemoryDirectory, node: MemoryNode): boolean {
  if (directory === node) return true;
  for (const child of directory.entries.values()) {
    if (child.kind === "directory" && contains(child, node)) return true;
  }
  return false;
}

function refuseReplacement(node: MemoryNode, replaced: MemoryNode, path: string): void {
  if (replaced.kind === "file") {
    if (node.kind === "directory") throw new DiskError("rename", path, "ENOTDIR");
    return;
  }
  if (node.kind === "file") throw new DiskError("rename", path, "EISDIR");
  if (replaced.entries.size > 0) throw new DiskError("rename", path, "ENOTEMPTY");
}
