import type { DefinitionRow } from "./definition.ts";

/** Settings that only this broker has, in the form of Kafka's. What they do is in `broker-documentation.ts`. */
export const ownTable = {
  flush: ["string", "os", "[os, interval, always]"],
  "flush.interval.ms": ["int", "1000", "[1,...]"],
  "log.background.sync.bytes": ["long", "67108864", "[1,...]"],
  "log.max.open.files": ["int", "1024", "[8,...]"],
  "log.max.unsynced.bytes": ["long", "1073741824", "[1,...]"],
  "log.read.buffer.pool.bytes": ["long", "33554432", "[0,...]"],
  "max.decompressed.bytes": ["long", "104857600", "[1,...]"],
  "queued.max.response.bytes": ["long", "134217728", "[0,...]"],
  "shutdown.timeout.ms": ["int", "10000", "[0,...]"],
  "socket.frame.timeout.ms": ["int", "60000", "[1,...]"],
} as const satisfies Record<string, DefinitionRow>;
