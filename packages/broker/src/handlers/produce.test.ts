import { apis, errorCodes, type RequestInput, zeroUuid } from "@ottla/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FrameClient } from "../../test/frame-client.ts";
import { batchOf, dataDir, SimBroker } from "../../test/sim-broker.ts";

let sim: SimBroker;
let client: FrameClient;
let topicId: string;
beforeEach(async () => {
  sim = await SimBroker.start({ dataDir, numPartitions: 2 });
  client = await sim.connect();
  const topic = { numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] };
  const answer = await sim.until(client.send(apis.createTopics, 7, { topics: [{ name: "t", ...topic }] }));
  topicId = answer.topics[0]!.topicId;
});
afterEach(() => sim.close());

type Request = RequestInput<typeof apis.produce>;

function request(
  records: Uint8Array | null,
  options: Partial<Request> & { name?: string; index?: number } = {},
): Request {
  const { name = "t", index = 0, ...rest } = options;
  return { acks: -1, timeoutMs: 1000, topicData: [{ name, topicId, partitionData: [{ index, records }] }], ...rest };
}

async function produce(version: number, body: Request) {
  const answer = await sim.until(client.send(apis.produce, version, body));
  expect(answer.throttleTimeMs).toBe(0);
  return answer.responses.flatMap(({ partitionResponses }) => partitionResponses);
}

describe("Produce", () => {
  it("appends in every version that is served", async () => {
    for (let version = 3; version <= 13; version++) {
      const [response] = await produce(version, request(batchOf(["a", "b"])));
      expect(response).toMatchObject({ index: 0, errorCode: 0, baseOffset: (version - 3) * 2, logAppendTimeMs: -1 });
      expect(response!.logStartOffset).toBe(version >= 5 ? 0 : -1);
    }
  });

  it("answers each partition by itself, in the order of the request", async () => {
    const records = () => batchOf(["a"]);
    const { responses } = await sim.until(
      client.send(apis.produce, 9, {
        acks: 1,
        timeoutMs: 1000,
        topicData: [
          { name: "nope", partitionData: [{ index: 0, records: records() }] },
          {
            name: "t",
            partitionData: [
              { index: 1, records: records() },
              { index: 7, records: records() },
              { index: 0, records: Buffer.from("rubbish") },
            ],
          },
        ],
      }),
    );
    expect(
      responses.map(({ name, partitionResponses }) => [
        name,
        partitionResponses.map(({ index, errorCode }) => [index, errorCode]),
      ]),
    ).toEqual([
      ["nope", [[0, errorCodes.UNKNOWN_TOPIC_OR_PARTITION]]],
      [
        "t",
        [
          [1, 0],
          [7, errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
          [0, responses[1]!.partitionResponses[2]!.errorCode],
        ],
      ],
    ]);
    expect(responses[1]!.partitionResponses[2]!.errorCode).not.toBe(0);
    expect(responses[1]!.partitionResponses[2]!.baseOffset).toBe(-1);
  });

  it("refuses acks that do not exist, ids that are unknown and internal topics", async () => {
    expect((await produce(9, request(batchOf(["a"]), { acks: 2 })))[0]!.errorCode).toBe(
      errorCodes.INVALID_REQUIRED_ACKS,
    );
    const unknown = { name: "", topicId: "AAAAAAAAAAAAAAAAAAAAFQ" };
    const ask = (topic: object) => {
      const partitionData = [{ index: 0, records: batchOf(["a"]) }];
      return produce(13, { acks: 1, timeoutMs: 1, topicData: [{ ...topic, partitionData }] });
    };
    expect((await ask(unknown))[0]!.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_ID);
    expect((await ask({ topicId: zeroUuid }))[0]!.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
    await sim.until(client.send(apis.findCoordinator, 1, { key: "g", keyType: 0 }));
    const internal = request(batchOf(["a"], { key: "k" }), { name: "__consumer_offsets" });
    expect((await produce(9, internal))[0]!.errorCode).toBe(errorCodes.INVALID_TOPIC_EXCEPTION);
  });

  it("refuses transactions with an error that clients give up on", async () => {
    const expected = errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    expect((await produce(9, request(batchOf(["a"]), { transactionalId: "x" })))[0]!.errorCode).toBe(expected);
    const batch = batchOf(["a"], { producerId: 1, baseSequence: 0 });
    batch[22]! |= 0x10;
    expect((await produce(9, request(batch)))[0]!.errorCode).toBe(expected);
    const init = await sim.until(
      client.send(apis.initProducerId, 5, { transactionalId: "x", transactionTimeoutMs: 1000 }),
    );
    expect(init).toMatchObject({ errorCode: expected, producerId: -1 });
    const one = await sim.until(client.send(apis.findCoordinator, 2, { key: "x", keyType: 1 }));
    expect(one).toMatchObject({ errorCode: expected, nodeId: -1 });
    expect(one.errorMessage).toContain("no transactions");
    const many = await sim.until(client.send(apis.findCoordinator, 4, { keyType: 1, coordinatorKeys: ["x", "y"] }));
    expect(many.coordinators.map(({ key, errorCode }) => [key, errorCode])).toEqual([
      ["x", expected],
      ["y", expected],
    ]);
  });

  it("answers nothing to acks=0, and closes the connection when something goes wrong", async () => {
    client.post(apis.produce, 9, request(batchOf(["a"]), { acks: 0 }));
    const offsets = await sim.until(
      client.send(apis.listOffsets, 7, {
        replicaId: -1,
        topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
      }),
    );
    expect(offsets.topics[0]!.partitions[0]!.offset).toBe(1);
    client.post(apis.produce, 9, request(batchOf(["a"]), { acks: 0, index: 9 }));
    await sim.until(client.closed);
    expect(client.unasked).toEqual([]);
    expect(String(sim.logger.logged.at(-1)?.fields.reason)).toContain("acks=0 failed: UNKNOWN_TOPIC_OR_PARTITION");
  });

  it("gives idempotent producers ids that are never given twice", async () => {
    const ids = new Set<number>();
    for (let round = 0; round < 3; round++) {
      for (let version = 0; version <= 5; version++) {
        const answer = await sim.until(
          client.send(apis.initProducerId, version, { transactionalId: null, transactionTimeoutMs: 0 }),
        );
        expect(answer).toMatchObject({ errorCode: 0, producerEpoch: 0 });
        ids.add(answer.producerId);
      }
      await sim.close();
      await sim.startAgain();
      client = await sim.connect();
    }
    expect(ids.size).toBe(18);
  });

  it("keeps the sequence of an idempotent producer, and says what it remembers", async () => {
    const send = (baseSequence: number) => produce(9, request(batchOf(["a", "b"], { producerId: 42, baseSequence })));
    expect((await send(0))[0]).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect((await send(2))[0]).toMatchObject({ errorCode: 0, baseOffset: 2 });
    expect((await send(2))[0]).toMatchObject({ errorCode: 0, baseOffset: 2 });
    expect((await send(7))[0]!.errorCode).toBe(errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER);
    const { topics } = await sim.until(
      client.send(apis.describeProducers, 0, {
        topics: [
          { name: "t", partitionIndexes: [0, 1, 5] },
          { name: "nope", partitionIndexes: [0] },
        ],
      }),
    );
    const [first, second, missing] = topics[0]!.partitions;
    expect(first!.activeProducers).toMatchObject([{ producerId: 42, producerEpoch: 0, lastSequence: 3 }]);
    expect(second).toMatchObject({ errorCode: 0, activeProducers: [] });
    expect(missing!.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
    expect(topics[1]!.partitions[0]!.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
  });

  it("loses nothing acknowledged with flush=always when the power fails", async () => {
    await sim.close();
    await sim.startAgain({ flush: "always" });
    client = await sim.connect();
    const answers = await sim.until(
      Promise.all(["a", "b", "c"].map((value) => client.send(apis.produce, 9, request(batchOf([value]))))),
    );
    expect(answers.map(({ responses }) => responses[0]!.partitionResponses[0]!.baseOffset)).toEqual([0, 1, 2]);
    sim.machine.crash({ keeps: "none" });
    await sim.startAgain({ flush: "always" });
    client = await sim.connect();
    const [response] = await produce(9, request(batchOf(["d"])));
    expect(response!.baseOffset).toBe(3);
  });
});
