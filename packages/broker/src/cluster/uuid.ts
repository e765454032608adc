import type { Random } from "@ottla/runtime";

/** A UUID in Kafka's base64url form. Like Kafka's, it does not begin with a dash. */
export function shortUuid(uuid: string): string {
  return Buffer.from(uuid.replaceAll("-", ""), "hex").toString("base64url").replace(/^-/, "_");
}

/** A random UUID (version 4) in Kafka's base64url form. Like Kafka's, it never begins with a dash, which tools would take for an option. */
export function randomTopicId(random: Random): string {
  for (;;) {
    const bytes = random.bytes(16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const text = bytes.toString("base64url");
    if (!text.startsWith("-")) return text;
  }
}
