/** Finds the number of a topic by its name, and by the bytes of its name, without making a string of them. */
export class TopicTable {
  readonly #numbers = new Map<string, number>();
  readonly #names: readonly Buffer[];
  /** Numbers, each at the place of its hash or the next free one behind it; -1 where a place is free. */
  readonly #slots: Int32Array;

  constructor(names: readonly string[]) {
    this.#names = names.map((name) => Buffer.from(name));
    // At most half full, so that a search ends soon.
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * names.length + 2))).fill(-1);
    names.forEach((name, number) => {
      this.#numbers.set(name, number);
      const bytes = this.#names[number]!;
      let slot = this.#firstSlot(bytes, 0, bytes.length);
      while (this.#slots[slot]! >= 0) slot = this.#nextSlot(slot);
      this.#slots[slot] = number;
    });
  }

  find(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** The same by the name's UTF-8 bytes from `start` to `end`. */
  findBytes(bytes: Uint8Array, start: number, end: number): number | undefined {
    let slot = this.#firstSlot(bytes, start, end);
    for (let number = this.#slots[slot]!; number >= 0; number = this.#slots[slot]!) {
      if (isAt(this.#names[number]!, bytes, start, end)) return number;
      slot = this.#nextSlot(slot);
    }
    return undefined;
  }

  /** FNV-1a. */
  #firstSlot(bytes: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let n = start; n < end; n++) hash = Math.imul(hash ^ bytes[n]!, 0x01000193);
    return (hash ^ (hash >>> 15)) & (this.#slots.length - 1);
  }

  #nextSlot(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1);
  }
}

function isAt(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let n = 0; n < name.length; n++) if (name[n] !== bytes[start + n]) return false;
  return true;
}
