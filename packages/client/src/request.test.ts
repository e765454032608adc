import { apis } from "@ottla/protocol";
import { simClock, simRandom } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { FakeCluster } from "../test/fake-cluster.ts";
import { backoffMs } from "./backoff.ts";
import { createClientCore } from "./client-core.ts";
import { clientSettings, validate } from "./config.ts";
import { ConnectionError, KafkaError, kafkaError } from "./errors.ts";
import { Coordinators, type RetryPolicy, retry } from "./request.ts";

describe("back-off", () => {
  it("doubles, give or take a fifth, up to the maximum", () => {
    const random = simRandom(3);
    const pauses = [0, 1, 2, 3, 4, 5, 9, 99].map((failures) => backoffMs(100, 1000, failures, random));
    expect(pauses[0]).toBe(0);
    for (const [index, expected] of [100, 200, 400, 800, 1000, 1000, 1000].entries()) {
      expect(pauses[index + 1]).toBeGreaterThanOrEqual(expected * 0.8);
      expect(pauses[index + 1]).toBeLessThanOrEqual(Math.min(expected * 1.2, 1000));
    }
    expect(backoffMs(0, 1000, 5, random)).toBe(0);
  });
});

describe("retry", () => {
  const clock = simClock();
  const policy = (changes: Partial<RetryPolicy> = {}): RetryPolicy => {
    const deadline = Number.POSITIVE_INFINITY;
    return { clock, random: simRandom(1), retryBackoffMs: 100, retryBackoffMaxMs: 1000, deadline, ...changes };
  };
  const failing = (times: number, error: () => unknown) => {
    const seen: number[] = [];
    const attempt = async ({ failures }: { failures: number }) => {
      seen.push(failures);
      if (seen.length <= times) throw error();
      return "done";
    };
    return { seen, attempt };
  };
  const lost = () => new ConnectionError("lost");

  it("tries again until it succeeds", async () => {
    const { seen, attempt } = failing(3, lost);
    expect(await clock.until(retry(policy(), attempt))).toBe("done");
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it("ends with what cannot be retried, the last attempt, the deadline or the signal", async () => {
    const fatal = failing(9, () => kafkaError(29, "Could not do it"));
    await expect(clock.until(retry(policy(), fatal.attempt))).rejects.toMatchObject({
      code: "TOPIC_AUTHORIZATION_FAILED",
    });
    expect(fatal.seen).toEqual([0]);
    const bug = failing(9, () => new TypeError("a bug"));
    await expect(clock.until(retry(policy(), bug.attempt))).rejects.toThrow(TypeError);
    const few = failing(9, lost);
    await expect(clock.until(retry(policy({ retries: 2 }), few.attempt))).rejects.toThrow("lost");
    expect(few.seen).toEqual([0, 1, 2]);
    const late = failing(99, lost);
    await expect(clock.until(retry(policy({ deadline: clock.monotonic() + 1000 }), late.attempt))).rejects.toThrow(
      "lost",
    );
    expect(late.seen.length).toBeLessThan(7);
    const abort = new AbortController();
    const aborted = retry(policy({ signal: abort.signal }), failing(99, lost).attempt);
    aborted.catch(() => {});
    await clock.runFor(150);
    abort.abort(new Error("enough"));
    await expect(clock.until(aborted)).rejects.toThrow("enough");
  });
});

describe("coordinators", () => {
  async function setUp(maxVersion: number) {
    const cluster = await FakeCluster.start({ brokers: 2 });
    for (const broker of cluster.brokers) {
      broker.limits.set(apis.findCoordinator.key, [0, maxVersion]);
      broker.on(apis.findCoordinator, ({ body, version }) => {
        const place = (key: string) => {
          if (key === "none")
            return { key, nodeId: -1, host: "", port: 0, errorCode: 15, errorMessage: "still starting" };
          return { key, nodeId: key.length, host: `broker${key.length}`, port: 9092, errorCode: 0, errorMessage: null };
        };
        if (version >= 4) return { coordinators: body.coordinatorKeys.map(place) };
        const { key: _, errorMessage, ...one } = place(body.key);
        return version === 0 ? one : { ...one, errorMessage };
      });
    }
    const { bootstrapServers, client } = cluster;
    const core = createClientCore(validate("Test", clientSettings, { bootstrapServers, runtime: client.runtime }));
    const asked = () => cluster.brokers.flatMap((broker) => broker.of(apis.findCoordinator));
    return { cluster, core, asked };
  }

  it.each([0, 3, 6])(
    "finds them, keeps them, and asks again when told that they were wrong (version %i)",
    async (version) => {
      const { cluster, core, asked } = await setUp(version);
      const find = (key: string) => cluster.until(core.coordinators.find(key));
      expect(await find("g")).toBe(1);
      expect(await find("g")).toBe(1);
      expect(await find("gg")).toBe(2);
      expect(asked()).toHaveLength(2);
      core.coordinators.invalidate("g");
      expect(await find("g")).toBe(1);
      expect(asked()).toHaveLength(3);
      expect(core.pool.describe(2)).toBe("broker 2 (broker2:9092)");
      await expect(find("none")).rejects.toMatchObject({ code: "COORDINATOR_NOT_AVAILABLE", retriable: true });
    },
  );

  it.each([3, 6])("finds many, and says of each that failed why (version %i)", async (version) => {
    const { cluster, core, asked } = await setUp(version);
    const found = await cluster.until(core.coordinators.findAll(["g", "none", "gg", "g"]));
    expect([found.get("g"), found.get("gg")]).toEqual([1, 2]);
    expect(found.get("none")).toBeInstanceOf(KafkaError);
    expect(asked()).toHaveLength(version >= 4 ? 1 : 3);
  });

  it("asks for a transaction's coordinator as such", async () => {
    const { cluster, core, asked } = await setUp(6);
    await cluster.until(new Coordinators(core.pool, "transaction").find("t"));
    expect(asked()[0]?.body.keyType).toBe(1);
  });
});
