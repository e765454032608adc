import type { Disk } from "@ottla/runtime";

/** The directory that holds the partitions' directories: a new one survives a failure of the machine once this one has been synced. */
export class RootDirectory {
  readonly path: string;
  readonly #disk: Disk;
  /** How often it has changed, and up to which change it has been synced. */
  #changes = 0;
  #synced = 0;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.path = path;
  }

  /** A directory was made, renamed or removed in it. */
  changed(): void {
    this.#changes++;
  }

  /** Resolves once all changes so far are durable. */
  async sync(): Promise<void> {
    const changes = this.#changes;
    if (this.#synced >= changes) return;
    // Noted only once the sync has ended: who asks meanwhile has to wait for one, too.
    await this.#disk.syncDirectory(this.path);
    this.#synced = Math.max(this.#synced, changes);
  }
}
