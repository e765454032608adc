import { intercept } from "@ottla/testkit";
import { describe, expect, it } from "vitest";
import { runSmoke } from "./smoke.ts";

describe("a simulation of broker and clients", () => {
  // An odd seed kills the broker's process, an even one its machine.
  it.each([1, 2])("finds nothing wrong, and has one history for one seed (%i)", async (seed) => {
    const first = await runSmoke(seed);
    expect(first.faults).toEqual([]);
    expect(first.history.of("send").length).toBeGreaterThan(100);
    expect(first.history.of("commit").length).toBeGreaterThan(20);
    const second = await runSmoke(seed);
    expect(second.world.history.lines).toEqual(first.world.history.lines);
    expect(second.world.history.fingerprint).toBe(first.world.history.fingerprint);
    expect(second.history.entries).toEqual(first.history.entries);
  });

  it("has another history for another seed", async () => {
    const [one, other] = [await runSmoke(3), await runSmoke(5)];
    expect([one.faults, other.faults]).toEqual([[], []]);
    expect(other.world.history.fingerprint).not.toBe(one.world.history.fingerprint);
  });

  it("finds records that were acknowledged and not written", async () => {
    const { faults } = await runSmoke(7, ({ broker }) => {
      intercept(broker, { api: "PRODUCE", skip: 20, times: 1 }).answer((call) => call.failure("NONE"));
    });
    expect(faults.map(({ kind }) => kind)).toContain("unread");
  });

  it("finds commits that were acknowledged and not stored", async () => {
    const { faults } = await runSmoke(9, ({ broker }) => {
      intercept(broker, { api: "OFFSET_COMMIT" }).answer((call) => call.failure("NONE"));
    });
    expect(faults.map(({ kind }) => kind)).toContain("commitLost");
  });
});
