import { describe, expect, it } from "vitest";
import { simRandom } from "./sim-random.ts";

const many = 20_000;

describe("simRandom", () => {
  it("gives the same numbers for the same seed, and others for another", () => {
    const draw = (seed: number | string) => Array.from({ length: 5 }, simRandom(seed).float.bind(simRandom(seed)));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).toEqual(draw("1"));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it("never changes its numbers: seeds in bug reports must stay valid", () => {
    const random = simRandom("ottla");
    expect(Array.from({ length: 3 }, () => random.integer(1_000_000))).toMatchInlineSnapshot(`
      [
        16306,
        114968,
        946390,
      ]
    `);
  });

  it("spreads evenly", () => {
    const random = simRandom(3);
    const counts = new Array(10).fill(0);
    for (let i = 0; i < many; i++) counts[random.integer(10)]++;
    for (const count of counts) expect(Math.abs(count - many / 10)).toBeLessThan(200);
    let trues = 0;
    for (let i = 0; i < many; i++) if (random.chance(0.25)) trues++;
    expect(Math.abs(trues - many / 4)).toBeLessThan(300);
    const bits = random.bytes(many).reduce((sum, byte) => sum + (byte & 1) + (byte >> 7), 0);
    expect(Math.abs(bits - many)).toBeLessThan(400);
  });

  it("stays in its range", () => {
    const random = simRandom(4);
    for (let i = 0; i < 1000; i++) {
      expect(random.integer(1)).toBe(0);
      expect(random.integer(2 ** 53)).toBeLessThan(2 ** 53);
      const number = random.between(5, 6);
      expect(number >= 5 && number < 6).toBe(true);
    }
    expect(() => random.integer(0)).toThrow();
    expect(() => random.pick([])).toThrow();
  });

  it("forks by name, whatever was drawn before", () => {
    const one = simRandom(5);
    const other = simRandom(5);
    other.bytes(100);
    expect(one.fork("disk").float()).toBe(other.fork("disk").float());
    expect(one.fork("disk").float()).not.toBe(one.fork("network").float());
  });

  it("gives neighbouring seeds unrelated numbers", () => {
    const first = new Set(Array.from({ length: 1000 }, (_, seed) => simRandom(seed).integer(2 ** 32)));
    expect(first.size).toBe(1000);
    const mean = [...first].reduce((sum, number) => sum + number / 2 ** 32, 0) / first.size;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
  });
});
