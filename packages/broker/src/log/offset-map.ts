import { hash } from "node:crypto";

/** Four words of a key's hash. */
const hashWords = 4;
const bytesPerSlot = hashWords * 4 + 8;
const smallestSlotCount = 1024;
/** How full the table may get before it grows, and at its largest size. */
const growAbove = 0.7;
const fullAbove = 0.9;

/**
 * The newest offset of each key that a compaction has seen, in bounded memory (Kafka's `SkimpyOffsetMap`). Keys are told apart by 128 bits of their SHA-256: nobody can make two keys that meet, whereas Kafka's MD5 has known collisions.
 */
export class OffsetMap {
  /** Everything below it, from where the map was started, is in the map. */
  endOffset = 0;
  size = 0;

  readonly #maxSlotCount: number;
  #slotCount = smallestSlotCount;
  #hashes = new Int32Array(smallestSlotCount * hashWords);
  /** -1 in a free slot. */
  #offsets = new Float64Array(smallestSlotCount).fill(-1);

  constructor(maxBytes: number) {
    this.#maxSlotCount = Math.max(smallestSlotCount, Math.floor(maxBytes / bytesPerSlot));
  }

  /** How many more keys it takes. */
  get room(): number {
    return Math.max(0, Math.floor(this.#maxSlotCount * fullAbove) - this.size);
  }

  put(key: Uint8Array, offset: number): void {
    if (this.size + 1 > this.#slotCount * growAbove) this.#grow();
    const words = hashOf(key);
    const slot = this.#find(words);
    if (this.#offsets[slot] === -1) {
      this.#hashes.set(words, slot * hashWords);
      this.size++;
    }
    this.#offsets[slot] = offset;
  }

  /** The newest offset of a key; -1 where there is none. */
  get(key: Uint8Array): number {
    return this.#offsets[this.#find(hashOf(key))]!;
  }

  /** The slot with that hash, or the free one where it belongs. */
  #find(words: Int32Array): number {
    const hashes = this.#hashes;
    let slot = (words[0]! >>> 0) % this.#slotCount;
    for (;;) {
      if (this.#offsets[slot] === -1) return slot;
      const at = slot * hashWords;
      if (
        hashes[at] === words[0] &&
        hashes[at + 1] === words[1] &&
        hashes[at + 2] === words[2] &&
        hashes[at + 3] === words[3]
      ) {
        return slot;
      }
      slot = slot + 1 === this.#slotCount ? 0 : slot + 1;
    }
  }

  #grow(): void {
    // One batch may bring more keys than there should be; the table has to stay usable.
    const isFull = this.size + 1 > this.#slotCount * fullAbove;
    const slotCount = Math.min(this.#slotCount * 2, isFull ? Number.POSITIVE_INFINITY : this.#maxSlotCount);
    if (slotCount <= this.#slotCount) return;
    const hashes = this.#hashes;
    const offsets = this.#offsets;
    this.#slotCount = slotCount;
    this.#hashes = new Int32Array(slotCount * hashWords);
    this.#offsets = new Float64Array(slotCount).fill(-1);
    for (let old = 0; old < offsets.length; old++) {
      if (offsets[old] === -1) continue;
      const words = hashes.subarray(old * hashWords, (old + 1) * hashWords);
      const slot = this.#find(words);
      this.#hashes.set(words, slot * hashWords);
      this.#offsets[slot] = offsets[old]!;
    }
  }
}

function hashOf(key: Uint8Array): Int32Array {
  const digest = hash("sha256", key, "buffer");
  const words = new Int32Array(hashWords);
  for (let i = 0; i < hashWords; i++) words[i] = digest.readInt32LE(i * 4);
  return words;
}
