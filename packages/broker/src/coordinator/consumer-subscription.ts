import { consumerProtocolSubscription, DecodeError, decode, Reader } from "@ottla/protocol";

/**
 * The topics that a consumer's metadata names; null where it cannot be read. Version 0 begins every later version, so the coordinator reads that
 * and knows nothing of what follows (Kafka's `ClassicGroup.computeSubscribedTopics`).
 */
export function subscribedTopicsOf(metadata: Uint8Array): readonly string[] | null {
  try {
    const reader = new Reader(metadata);
    reader.int16();
    return decode(consumerProtocolSubscription, 0, reader).topics;
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}
