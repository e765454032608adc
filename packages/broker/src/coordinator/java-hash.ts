/** Java's `String.hashCode`: it decides which partition of `__consumer_offsets` holds a group, so it has to be Java's. */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let n = 0; n < text.length; n++) hash = (Math.imul(hash, 31) + text.charCodeAt(n)) | 0;
  return hash;
}

/** The partition of `__consumer_offsets` that a group belongs to (Kafka's `GroupCoordinatorService.partitionFor`). */
export function partitionForGroup(groupId: string, partitionCount: number): number {
  const hash = javaStringHash(groupId);
  // Java's smallest int has no absolute value; Kafka takes 0 for it.
  return (hash === -0x80000000 ? 0 : Math.abs(hash)) % partitionCount;
}

/**
 * Where Java's `HashMap` with up to 12 strings keeps one: its bucket. Kafka settles a tie between protocols by the order of such a map, so
 * members that mix clients get the same protocol from us.
 */
export function javaHashBucket(text: string): number {
  const hash = javaStringHash(text);
  return (hash ^ (hash >>> 16)) & 15;
}
