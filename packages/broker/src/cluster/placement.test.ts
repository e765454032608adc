import { simRandom } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { placeReplicas, type UsableBroker } from "./placement.ts";

function brokersOf(count: number, racks: readonly (string | null)[] = [null], down: readonly number[] = []) {
  return Array.from({ length: count }, (_, index): UsableBroker => {
    const id = index + 1;
    return { id, rack: racks[index % racks.length]!, isUp: !down.includes(id) };
  });
}

function place(seed: number, brokers: readonly UsableBroker[], partitionCount: number, replicationFactor: number) {
  return placeReplicas({ brokers, partitionCount, replicationFactor, random: simRandom(seed) });
}

function countsOf(ids: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts.values()];
}

const seeds = Array.from({ length: 50 }, (_, seed) => seed);

describe("the placement of replicas", () => {
  it("spreads leaders and replicas evenly, without racks", () => {
    for (const seed of seeds) {
      const count = 1 + (seed % 7);
      const factor = 1 + (seed % count);
      const placed = place(seed, brokersOf(count), count * 4, factor);
      expect(countsOf(placed.map(([leader]) => leader!))).toEqual(Array(count).fill(4));
      expect(countsOf(placed.flat())).toEqual(Array(count).fill(4 * factor));
      for (const replicas of placed) expect(new Set(replicas).size).toBe(factor);
    }
  });

  it("gives every rack its share before any has two replicas of a partition", () => {
    for (const seed of seeds) {
      const brokers = brokersOf(7, ["a", "b", "c"]);
      const rackOf = new Map(brokers.map(({ id, rack }) => [id, rack]));
      for (const factor of [1, 2, 3, 5, 7]) {
        for (const replicas of place(seed, brokers, 20, factor)) {
          expect(new Set(replicas).size).toBe(factor);
          expect(new Set(replicas.map((id) => rackOf.get(id))).size).toBe(Math.min(3, factor));
        }
      }
    }
  });

  it("takes brokers that are down last, and never as leaders", () => {
    for (const seed of seeds) {
      const down = [1, 4];
      for (const racks of [[null], ["a", "b"], ["a", "b", "c", "d", "e"]]) {
        const brokers = brokersOf(5, racks, down);
        for (const replicas of place(seed, brokers, 12, 5)) {
          expect(down).not.toContain(replicas[0]);
          expect(replicas.toSorted()).toEqual([1, 2, 3, 4, 5]);
        }
      }
      const alone = place(seed, brokersOf(5, [null], down), 12, 3);
      expect(alone.flat().some((id) => down.includes(id))).toBe(false);
    }
  });

  it("decides by chance, and the same with the same seed", () => {
    const first = new Set(seeds.map((seed) => place(seed, brokersOf(3), 1, 3).join()));
    expect(first.size).toBeGreaterThan(1);
    expect(place(5, brokersOf(6), 30, 3)).toEqual(place(5, brokersOf(6), 30, 3));
  });
});
