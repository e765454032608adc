import { compareText, type SubscriptionContext } from "./assignor.ts";
import type { OwnedClaim } from "./sticky-claims.ts";

const nothing: OwnedClaim = { generationId: -1, forEach: () => {} };

/**
 * The memory of the sticky assignor, as Java's `StickyAssignor` writes it: an array of topics with their partitions (classic lengths), then the generation.
 * Null before the first assignment.
 */
export function encodeStickyUserData({ lastAssignment, lastGenerationId }: SubscriptionContext): Buffer | null {
  if (lastGenerationId < 0) return null;
  const topics = [...lastAssignment].sort(([a], [b]) => compareText(a, b));
  const size = topics.reduce((sum, [topic, list]) => sum + 6 + Buffer.byteLength(topic) + 4 * list.length, 8);
  const bytes = Buffer.allocUnsafe(size);
  let position = bytes.writeInt32BE(topics.length);
  for (const [topic, partitions] of topics) {
    position = bytes.writeInt16BE(Buffer.byteLength(topic), position);
    position += bytes.write(topic, position);
    position = bytes.writeInt32BE(partitions.length, position);
    for (const partition of partitions) position = bytes.writeInt32BE(partition, position);
  }
  bytes.writeInt32BE(lastGenerationId, position);
  return bytes;
}

/**
 * Reads that memory: the old form without a generation too; anything else counts as no memory, as in Java. Bytes behind the generation are left alone.
 */
export function decodeStickyUserData(bytes: Buffer | null): OwnedClaim {
  if (bytes === null || bytes.length < 4) return nothing;
  const end = endOfTopics(bytes);
  if (end < 0) return nothing;
  return {
    generationId: bytes.length - end >= 4 ? bytes.readInt32BE(end) : -1,
    forEach(topics, visit) {
      let position = 4;
      for (let left = bytes.readInt32BE(0); left > 0; left--) {
        const nameEnd = position + 2 + bytes.readInt16BE(position);
        const topic = topics.findBytes(bytes, position + 2, nameEnd);
        const listEnd = nameEnd + 4 + 4 * bytes.readInt32BE(nameEnd);
        if (topic !== undefined) {
          for (let n = nameEnd + 4; n < listEnd; n += 4) visit(topic, bytes.readInt32BE(n));
        }
        position = listEnd;
      }
    },
  };
}

/** Where the array of topics ends; -1 where it does not fit its bytes. */
function endOfTopics(bytes: Buffer): number {
  const count = bytes.readInt32BE(0);
  // The smallest topic has a length of two bytes and a count of four.
  if (count < 0 || count > bytes.length / 6) return -1;
  let position = 4;
  for (let left = count; left > 0; left--) {
    if (position + 2 > bytes.length) return -1;
    const nameLength = bytes.readInt16BE(position);
    position += 2 + nameLength;
    if (nameLength < 0 || position + 4 > bytes.length) return -1;
    const partitionCount = bytes.readInt32BE(position);
    position += 4 + 4 * partitionCount;
    if (partitionCount < 0 || position > bytes.length) return -1;
  }
  return position;
}
