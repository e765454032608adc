import type { TopicDescription } from "./topic-image.ts";

export interface TopicHash {
  readonly high: number;
  readonly low: number;
}

/** 64 bits that stand for a topic's id, name and number of partitions. */
export function topicHash({ id, name, partitionCount }: TopicDescription): TopicHash {
  const text = `${id}:${name}:${partitionCount}`;
  let high = 0x9e3779b9 | 0;
  let low = 0x85ebca6b | 0;
  for (let n = 0; n < text.length; n++) {
    const unit = text.charCodeAt(n);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return { high, low };
}
