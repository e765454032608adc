import type { Disk, DiskFile } from "@ottla/runtime";

/** Opens files when they are used and keeps at most so many open: the one that was not used for longest is closed first. */
export class OpenFiles {
  readonly disk: Disk;
  readonly #maxOpen: number;
  /** In the order of their last use. */
  readonly #open = new Set<LazyFile>();
  #last: LazyFile | null = null;

  constructor(disk: Disk, maxOpen: number) {
    this.disk = disk;
    this.#maxOpen = Math.max(1, maxOpen);
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** A file that is opened when it is first used; `create` makes it then. */
  file(path: string, mode: "write" | "create" = "write"): LazyFile {
    return new LazyFile(this, path, mode);
  }

  /** Only for `LazyFile`. */
  used(file: LazyFile): void {
    if (this.#last === file) return;
    this.#last = file;
    this.#open.delete(file);
    this.#open.add(file);
    if (this.#open.size <= this.#maxOpen) return;
    for (const oldest of this.#open) {
      if (oldest === file) return;
      oldest.close();
      if (this.#open.size <= this.#maxOpen) return;
    }
  }

  /** Only for `LazyFile`. */
  closed(file: LazyFile): void {
    this.#open.delete(file);
    if (this.#last === file) this.#last = null;
  }
}

/** A file that may or may not be open at the moment. */
export class LazyFile {
  readonly #files: OpenFiles;
  readonly #mode: "write" | "create";
  #path: string;
  #open: DiskFile | null = null;
  #isRemoved = false;

  constructor(files: OpenFiles, path: string, mode: "write" | "create") {
    this.#files = files;
    this.#path = path;
    this.#mode = mode;
  }

  get path(): string {
    return this.#path;
  }

  /** The open file; not to be kept beyond the current call. Throws a `DiskError` where it can't be opened. */
  get(): DiskFile {
    this.#open ??= this.#files.disk.open(this.#path, this.#mode);
    this.#isRemoved = false;
    this.#files.used(this);
    return this.#open;
  }

  /** Size on disk; 0 where the file does not exist. */
  size(): number {
    return this.#open?.size() ?? this.#files.disk.stat(this.#path)?.size ?? 0;
  }

  /** Resolves at once where the file has been removed: there is nothing left to be lost. */
  async sync(): Promise<void> {
    if (!this.#isRemoved) await this.get().sync();
  }

  syncBlocking(): void {
    if (!this.#isRemoved) this.get().syncBlocking();
  }

  rename(path: string): void {
    this.#files.disk.rename(this.#path, path);
    this.#path = path;
  }

  close(): void {
    const open = this.#open;
    this.#open = null;
    this.#files.closed(this);
    open?.close();
  }

  /** Closes and removes it; does nothing more where it is not there. */
  remove(): void {
    this.close();
    this.#isRemoved = true;
    this.#files.disk.remove(this.#path);
  }
}
