import type { Random } from "@ottla/runtime";

/** The pause after so many failures in a row: it doubles from `firstMs` to at most `maxMs`, give or take a fifth (Kafka's ExponentialBackoff, KIP-580). */
export function backoffMs(firstMs: number, maxMs: number, failures: number, random: Random): number {
  if (failures < 1 || firstMs <= 0) return 0;
  const pauseMs = Math.min(firstMs * 2 ** Math.min(failures - 1, 50), maxMs);
  return Math.min(pauseMs * (0.8 + 0.4 * random.float()), maxMs);
}
