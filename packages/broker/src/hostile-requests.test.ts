import { type Api, apis, encodeRequestFrame, type Input, type Message } from "@ottla/protocol";
import { simRandom } from "@ottla/runtime";
import { expect, it } from "vitest";
import { batchOf, SimBroker } from "../test/sim-broker.ts";
import { handlers } from "./handlers/table.ts";

/** Requests that are whole and make some sense, as material. */
const bodies = new Map<Api, readonly object[]>([
  [
    apis.produce,
    [
      {
        acks: -1,
        timeoutMs: 100,
        topicData: [{ name: "t", partitionData: [{ index: 0, records: batchOf(["a", "b"]) }] }],
      },
    ],
  ],
  [
    apis.fetch,
    [
      {
        maxWaitMs: 10,
        minBytes: 1,
        maxBytes: 1000,
        isolationLevel: 1,
        topics: [{ topic: "t", partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
      },
    ],
  ],
  [apis.metadata, [{ topics: [{ name: "t" }, { name: "u" }] }]],
  [apis.listOffsets, [{ replicaId: -1, topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }]],
  [apis.offsetForLeaderEpoch, [{ topics: [{ topic: "t", partitions: [{ partition: 0, leaderEpoch: 0 }] }] }]],
  [apis.initProducerId, [{ transactionalId: null, transactionTimeoutMs: 1 }]],
  [
    apis.createTopics,
    [
      {
        topics: [
          {
            name: "new",
            numPartitions: 1,
            replicationFactor: 1,
            assignments: [],
            configs: [{ name: "cleanup.policy", value: "compact" }],
          },
        ],
      },
    ],
  ],
  [apis.deleteTopics, [{ topicNames: ["new"], timeoutMs: 1 }]],
  [
    apis.createPartitions,
    [{ topics: [{ name: "t", count: 2, assignments: null }], timeoutMs: 1, validateOnly: false }],
  ],
  [apis.deleteRecords, [{ topics: [{ name: "t", partitions: [{ partitionIndex: 0, offset: 1 }] }], timeoutMs: 1 }]],
  [
    apis.incrementalAlterConfigs,
    [
      {
        resources: [
          {
            resourceType: 2,
            resourceName: "t",
            configs: [{ name: "cleanup.policy", configOperation: 2, value: "compact" }],
          },
        ],
        validateOnly: false,
      },
    ],
  ],
  [apis.describeConfigs, [{ resources: [{ resourceType: 2, resourceName: "t", configurationKeys: null }] }]],
  [apis.findCoordinator, [{ key: "g" }]],
  [
    apis.joinGroup,
    [
      {
        groupId: "g",
        sessionTimeoutMs: 6000,
        memberId: "",
        protocolType: "consumer",
        protocols: [{ name: "range", metadata: Buffer.from([0, 1, 0, 0]) }],
      },
    ],
  ],
  [apis.describeTopicPartitions, [{ topics: [{ name: "t" }] }]],
]);

function encodeAll(): Buffer[] {
  const frames: Buffer[] = [];
  for (const { api, firstServed, versions } of handlers) {
    for (let version = firstServed; version <= versions[1]; version++) {
      for (const body of bodies.get(api as never) ?? []) {
        try {
          frames.push(Buffer.concat(encodeRequestFrame<Api>(api, version, 7, "hostile", body as Input<Message>)));
        } catch {
          // The material does not fit this version.
        }
      }
    }
  }
  return frames;
}

/** Changes some bytes of a frame, or cuts it, and keeps the announced size true. */
function mutate(frame: Buffer, random: ReturnType<typeof simRandom>): Buffer {
  const interesting = [0, 1, 0x7f, 0x80, 0xff];
  let bytes = Buffer.from(frame);
  for (let count = 1 + random.integer(3); count > 0; count--) {
    const at = 14 + random.integer(Math.max(1, bytes.length - 14));
    if (at < bytes.length)
      bytes[at] = random.integer(2) === 0 ? interesting[random.integer(interesting.length)]! : random.integer(256);
  }
  if (random.integer(8) === 0) bytes = bytes.subarray(0, 14 + random.integer(Math.max(1, bytes.length - 14)));
  bytes.writeInt32BE(bytes.length - 4, 0);
  return bytes;
}

it("meets thousands of broken requests with an error code or a closed connection, never with a fault", async () => {
  // Creations of thousands of partitions would only take time.
  const sim = await SimBroker.start({ offsetsTopicNumPartitions: 2 });
  const random = simRandom("hostile");
  const frames = encodeAll();
  expect(frames.length).toBeGreaterThan(50);
  let client = await sim.connect();
  await sim.until(client.send(apis.metadata, 12, { topics: [{ name: "t" }] }));
  let answered = 0;
  for (let round = 0; round < 1500; round++) {
    // A broken long poll may wait for days, so nobody is asked for long.
    client = await sim.connect();
    for (let count = 0; count < 3; count++) client.sendRaw(mutate(frames[random.integer(frames.length)]!, random));
    await sim.run(30);
    answered += client.unasked.length;
    client.socket.destroy();
  }
  await sim.run(1000);
  const refused = sim.logger.logged.filter(({ message }) => message === "connection closed").length;
  // Both happen a lot: the material is neither all sound nor all nonsense.
  expect(Math.min(answered, refused)).toBeGreaterThan(200);
  const faults = sim.logger.logged.filter(({ level }) => level === "error");
  expect(faults.map(({ message, fields }) => [message, String((fields.error as Error)?.stack)])).toEqual([]);
  const sound = await sim.connect();
  expect((await sim.until(sound.send(apis.metadata, 12, { topics: [{ name: "t" }] }))).topics[0]!.errorCode).toBe(0);
  await sim.close();
});
