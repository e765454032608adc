import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apis, errorCodes } from "@ottla/protocol";
import { nodeRuntime, recordingLogger } from "@ottla/runtime";
import { afterAll, describe, expect, it } from "vitest";
import { FrameClient } from "../test/frame-client.ts";
import { batchOf, dataDir, SimBroker } from "../test/sim-broker.ts";
import { Broker } from "./broker.ts";

const temporary = mkdtempSync(join(tmpdir(), "ottla-broker-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

async function refused(options: object): Promise<Error> {
  return Broker.start(options).then(
    async (broker) => {
      await broker.close();
      throw new Error("it started");
    },
    (error: Error) => error,
  );
}

describe("a broker on the real machine", () => {
  it("serves on a free port of both loopback families, and stops", async () => {
    const logger = recordingLogger();
    const network = nodeRuntime().network;
    let port: number;
    {
      await using broker = await Broker.start({ port: 0, logger });
      port = broker.port;
      expect(broker.bootstrapServers).toBe(`localhost:${port}`);
      for (const host of ["127.0.0.1", "localhost"]) {
        const client = await FrameClient.connect(network, port, host);
        const { brokers, clusterId, controllerId } = await client.send(apis.metadata, 12, { topics: [] });
        expect(brokers).toEqual([{ nodeId: 1, host: "localhost", port, rack: null }]);
        expect([clusterId, controllerId]).toEqual([broker.clusterId, 1]);
        await client.close();
      }
    }
    await expect(FrameClient.connect(network, port, "127.0.0.1")).rejects.toThrow();
    expect(logger.messages("info")).toEqual(["ready", "stopping", "stopped"]);
    expect(logger.logged[0]!.fields.dataDir).toContain("in memory");
  });

  it("says in one line why it does not start, and leaves everything alone", async () => {
    const busy = await Broker.start({ port: 0, dataDir: join(temporary, "busy") });
    expect((await refused({ port: busy.port })).name).toBe("NetworkError");
    expect((await refused({ port: 0, dataDir: join(temporary, "busy") })).message).toBe(
      `data directory ${join(temporary, "busy")} is in use by another broker`,
    );
    expect((await refused({ numPartitions: 0 })).name).toBe("ConfigError");
    const file = join(temporary, "file");
    writeFileSync(file, "");
    expect((await refused({ port: 0, dataDir: file })).message).toContain("is not a directory");
    const foreign = mkdtempSync(join(temporary, "foreign-"));
    writeFileSync(join(foreign, "precious.txt"), "");
    expect((await refused({ port: 0, dataDir: foreign })).message).toContain("it has precious.txt and no metadata.log");
    expect(readdirSync(foreign)).toEqual(["precious.txt"]);
    writeFileSync(join(foreign, "meta.properties"), "");
    expect((await refused({ port: 0, dataDir: foreign })).message).toContain("belongs to Apache Kafka");
    await busy.close();
  });

  it("frees the directory when the port is taken", async () => {
    const directory = join(temporary, "again");
    const other = await Broker.start({ port: 0 });
    await refused({ port: other.port, dataDir: directory });
    const broker = await Broker.start({ port: 0, dataDir: directory });
    await broker.close();
    await broker.close();
    await other.close();
  });
});

describe("a start that fails", () => {
  it.each([
    ["the metadata log cannot be read", { operation: "read", path: /metadata\.log$/ }],
    ["the metadata log cannot be written", { operation: "write", path: /metadata\.log$/ }],
    ["the metadata log cannot be synced", { operation: "sync", path: /metadata\.log$/ }],
  ] as const)("leaves nothing behind when %s", async (_, fault) => {
    const sim = await SimBroker.start({ dataDir });
    await sim.close();
    sim.machine.disk.plan({ ...fault, effect: "fail" });
    await expect(sim.startAgain()).rejects.toThrow(/metadata.log/);
    await sim.startAgain();
    await sim.close();
  });

  it("says when the metadata log is damaged, and leaves it as it is", async () => {
    const sim = await SimBroker.start({ dataDir });
    const client = await sim.connect();
    for (const name of ["a", "b", "c"]) await sim.until(client.send(apis.metadata, 12, { topics: [{ name }] }));
    await sim.close();
    const { disk } = sim.process.runtime;
    const path = `${dataDir}/metadata.log`;
    const damaged = disk.readFile(path);
    damaged[20]! ^= 1;
    const file = disk.open(path, "write");
    file.write(0, [damaged]);
    file.close();
    await expect(sim.startAgain()).rejects.toThrow("is damaged at position 0, and sound entries follow");
    expect(disk.readFile(path).equals(damaged)).toBe(true);
  });
});

describe("a restart", () => {
  async function fill(sim: SimBroker) {
    const client = await sim.connect();
    const topic = { numPartitions: 3, replicationFactor: 1, assignments: [] };
    await sim.until(
      client.send(apis.createTopics, 7, {
        topics: [
          { ...topic, name: "kept", configs: [{ name: "retention.ms", value: "1000000" }] },
          { ...topic, name: "gone", configs: [] },
        ],
      }),
    );
    const topicData = [{ name: "kept", partitionData: [{ index: 2, records: batchOf(["a", "b"]) }] }];
    await sim.until(client.send(apis.produce, 8, { acks: -1, timeoutMs: 1000, topicData }));
    const { producerId } = await sim.until(
      client.send(apis.initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 0 }),
    );
    await sim.until(client.send(apis.deleteTopics, 5, { topicNames: ["gone"], timeoutMs: 1000 }));
    return { clusterId: sim.broker.clusterId, producerId };
  }

  async function check(sim: SimBroker, before: { clusterId: string; producerId: number }, leaderEpoch: number) {
    expect(sim.broker.clusterId).toBe(before.clusterId);
    const client = await sim.connect();
    const { topics } = await sim.until(client.send(apis.metadata, 12, { topics: null }));
    expect(topics.map(({ name, partitions }) => [name, partitions.length])).toEqual([["kept", 3]]);
    expect(topics[0]!.partitions.map((partition) => partition.leaderEpoch)).toEqual([
      leaderEpoch,
      leaderEpoch,
      leaderEpoch,
    ]);
    const offsets = await sim.until(
      client.send(apis.listOffsets, 7, {
        replicaId: -1,
        topics: [{ name: "kept", partitions: [{ partitionIndex: 2, timestamp: -1 }] }],
      }),
    );
    expect(offsets.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, offset: 2 });
    const { results } = await sim.until(
      client.send(apis.describeConfigs, 4, {
        resources: [{ resourceType: 2, resourceName: "kept", configurationKeys: ["retention.ms"] }],
      }),
    );
    expect(results[0]!.configs[0]!.value).toBe("1000000");
    const { producerId } = await sim.until(
      client.send(apis.initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 0 }),
    );
    expect(producerId).toBeGreaterThan(before.producerId);
    return { ...before, producerId };
  }

  it("finds everything after a clean stop, after the death of the process, and of the machine", async () => {
    const sim = await SimBroker.start({ dataDir, flush: "always" });
    let state = await fill(sim);
    await sim.close();
    await sim.startAgain();
    state = await check(sim, state, 1);
    sim.process.kill();
    await sim.startAgain();
    state = await check(sim, state, 2);
    sim.machine.crash();
    await sim.startAgain();
    await check(sim, state, 3);
    await sim.close();
  });

  it("fences clients that believe in an older epoch", async () => {
    const sim = await SimBroker.start({ dataDir });
    await fill(sim);
    await sim.close();
    await sim.startAgain();
    const client = await sim.connect();
    const ask = async (currentLeaderEpoch: number) => {
      const partitions = [{ partition: 2, currentLeaderEpoch, fetchOffset: 0, partitionMaxBytes: 1000 }];
      const { responses } = await sim.until(
        client.send(apis.fetch, 12, {
          maxWaitMs: 0,
          minBytes: 0,
          maxBytes: 1000,
          isolationLevel: 0,
          sessionEpoch: -1,
          topics: [{ topic: "kept", partitions }],
        }),
      );
      return responses[0]!.partitions[0]!.errorCode;
    };
    expect(await ask(0)).toBe(errorCodes.FENCED_LEADER_EPOCH);
    expect(await ask(1)).toBe(errorCodes.NONE);
    expect(await ask(2)).toBe(errorCodes.UNKNOWN_LEADER_EPOCH);
    expect(await ask(-1)).toBe(errorCodes.NONE);
    await sim.close();
  });

  it("keeps the node's id, and refuses another", async () => {
    const sim = await SimBroker.start({ dataDir, nodeId: 7 });
    await sim.close();
    await sim.startAgain({ nodeId: undefined });
    expect(sim.broker.nodeId).toBe(7);
    await sim.close();
    const { runtime } = sim.machine.start();
    await expect(sim.until(Broker.start({ host: "server", dataDir, nodeId: 8, runtime }))).rejects.toThrow(
      "belongs to broker 7, not to broker 8",
    );
  });
});

describe("a stop", () => {
  it("answers a long poll and then closes", async () => {
    const sim = await SimBroker.start();
    const client = await sim.connect();
    await sim.until(client.send(apis.metadata, 4, { topics: [{ name: "t" }], allowAutoTopicCreation: true }));
    const answer = client.send(apis.fetch, 4, {
      maxWaitMs: 100_000,
      minBytes: 1,
      maxBytes: 1000,
      isolationLevel: 0,
      topics: [{ topic: "t", partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
    });
    await sim.run(100);
    const before = sim.world.clock.monotonic();
    await sim.close();
    expect((await answer).responses[0]!.partitions[0]!.errorCode).toBe(0);
    await sim.until(client.closed);
    expect(sim.world.clock.monotonic() - before).toBeLessThan(2000);
  });
});
