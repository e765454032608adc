const multiplier = 0x5bd1e995;

/** The 32-bit murmur2 hash of Kafka's default partitioner (`Utils.murmur2`), as a signed int32. */
export function murmur2(bytes: Uint8Array): number {
  const size = bytes.length;
  let hash = 0x9747b28c ^ size;
  let at = 0;
  for (const last = size - 4; at <= last; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  if (at < size) {
    if (size - at > 2) hash ^= bytes[at + 2]! << 16;
    if (size - at > 1) hash ^= bytes[at + 1]! << 8;
    hash = Math.imul(hash ^ bytes[at]!, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}

/**
 * The partition that Kafka's default partitioner gives a key: the same for every client that follows Java's. The
 * sign bit is masked off (Java's `toPositive`), which is not the absolute value. A null key is not hashed; an empty one is.
 */
export function partitionForKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}
