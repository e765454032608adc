import { apis } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import type { FrameClient } from "../../test/frame-client.ts";
import { dataDir, SimBroker } from "../../test/sim-broker.ts";

/** What the client was told has happened; a request without an answer may have. */
interface Told {
  readonly topics: Map<string, number>;
  readonly retention: Map<string, string>;
  readonly producerIds: number[];
  /** The topic of the request that is under way. */
  doubtful: string | null;
}

/** Changes topics, settings and producer ids one after the other, until the broker dies. */
async function script(sim: SimBroker, client: FrameClient, told: Told): Promise<void> {
  const rest = { replicationFactor: 1, assignments: [] };
  for (const name of ["a", "b", "c"]) {
    told.doubtful = name;
    const configs = name === "b" ? [{ name: "retention.ms", value: "7" }] : [];
    const topics = [{ name, numPartitions: 2, configs, ...rest }];
    await sim.until(client.send(apis.createTopics, 7, { topics }));
    told.topics.set(name, 2);
    if (name === "b") told.retention.set(name, "7");
  }
  told.doubtful = "a";
  const change = { name: "retention.ms", configOperation: 0, value: "9" };
  const resources = [{ resourceType: 2, resourceName: "a", configs: [change] }];
  await sim.until(client.send(apis.incrementalAlterConfigs, 1, { resources, validateOnly: false }));
  told.retention.set("a", "9");
  const init = { transactionalId: null, transactionTimeoutMs: 0 };
  told.producerIds.push((await sim.until(client.send(apis.initProducerId, 4, init))).producerId);
  told.doubtful = "b";
  await sim.until(client.send(apis.deleteTopics, 5, { topicNames: ["b"], timeoutMs: 1 }));
  told.topics.delete("b");
  told.retention.delete("b");
  told.doubtful = "c";
  const grow = { name: "c", count: 4, assignments: null };
  await sim.until(client.send(apis.createPartitions, 3, { topics: [grow], timeoutMs: 1, validateOnly: false }));
  told.topics.set("c", 4);
  told.doubtful = null;
}

async function check(sim: SimBroker, told: Told): Promise<void> {
  const client = await sim.connect();
  const { topics } = await sim.until(client.send(apis.metadata, 12, { topics: null }));
  const found = new Map(topics.map(({ name, partitions }) => [name!, partitions.length]));
  for (const [name, count] of told.topics) if (name !== told.doubtful) expect(found.get(name)).toBe(count);
  for (const name of found.keys()) if (name !== told.doubtful) expect(told.topics.has(name)).toBe(true);
  for (const [resourceName, value] of told.retention) {
    if (resourceName === told.doubtful) continue;
    const resources = [{ resourceType: 2, resourceName, configurationKeys: ["retention.ms"] }];
    const { results } = await sim.until(client.send(apis.describeConfigs, 4, { resources }));
    expect(results[0]!.configs[0]!.value).toBe(value);
  }
  const init = { transactionalId: null, transactionTimeoutMs: 0 };
  const { producerId } = await sim.until(client.send(apis.initProducerId, 4, init));
  for (const given of told.producerIds) expect(producerId).toBeGreaterThan(given);
}

/** Runs the script with a death at the nth change of the disk; false when it ended before. */
async function dieAt(nth: number, effect: "killProcess" | "crashMachine"): Promise<boolean> {
  const sim = await SimBroker.start({ dataDir });
  const told: Told = { topics: new Map(), retention: new Map(), producerIds: [], doubtful: null };
  const client = await sim.connect();
  sim.machine.disk.plan({ operation: "change", nth, effect });
  const ended = script(sim, client, told).then(
    () => true,
    () => false,
  );
  const isDone = await ended;
  if (isDone) await sim.close().catch(() => {});
  if (sim.process.isAlive && isDone) return false;
  if (sim.process.isAlive) sim.process.kill();
  await sim.startAgain();
  await check(sim, told);
  await sim.close();
  return true;
}

describe("a death at every change of the disk", () => {
  it.each(["killProcess", "crashMachine"] as const)("loses nothing that was acknowledged (%s)", async (effect) => {
    let nth = 1;
    while (await dieAt(nth, effect)) nth++;
    expect(nth).toBeGreaterThan(30);
  });
});
