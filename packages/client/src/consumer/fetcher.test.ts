import { apis, errorCodes, errorName } from "@ottla/protocol";
import { describe, expect, test } from "vitest";
import { hangUp } from "../../test/fake-broker.ts";
import { FakeLogs } from "../../test/fake-logs.ts";
import type { KafkaError } from "../errors.ts";
import { string } from "../serde.ts";
import { Consumer } from "./consumer.ts";
import type { ConsumerOptions } from "./consumer-config.ts";
import { CorruptPartitionError, LogTruncationError } from "./consumer-errors.ts";

const t = (partition: number) => ({ topic: "t", partition });

interface Reader {
  readonly logs: FakeLogs;
  readonly consumer: Consumer<string, string>;
  /** The next `count` offsets, in virtual time. */
  read(count: number): Promise<number[]>;
  until<T>(promise: Promise<T>): Promise<T>;
  pass(ms: number): Promise<void>;
}

async function reader(
  options: Partial<ConsumerOptions<string, string>> = {},
  cluster: { brokers?: number; partitions?: number } = {},
  before: (logs: FakeLogs) => void = () => {},
): Promise<Reader> {
  const logs = await FakeLogs.start(cluster);
  before(logs);
  const { bootstrapServers, client } = logs.cluster;
  const consumer = new Consumer({
    bootstrapServers,
    runtime: client.runtime,
    autoOffsetReset: "earliest",
    key: string,
    value: string,
    ...options,
  });
  await consumer.assign(logs.logs.map((_, partition) => t(partition)));
  const until = <T>(promise: Promise<T>) => logs.cluster.until(promise);
  const take = async (count: number) => {
    const offsets: number[] = [];
    for await (const { offset } of consumer) {
      offsets.push(offset);
      if (offsets.length === count) {
        const [position] = consumer.assignment();
        if (position !== undefined) consumer.seek({ ...position, offset: offset + 1 });
        break;
      }
    }
    return offsets;
  };
  const { clock } = logs.cluster.world;
  return { logs, consumer, until, read: (count) => until(take(count)), pass: (ms) => clock.runFor(ms) };
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as KafkaError,
  );

describe("errors of a partition", () => {
  test.each([
    errorCodes.NOT_LEADER_OR_FOLLOWER,
    errorCodes.REPLICA_NOT_AVAILABLE,
    errorCodes.KAFKA_STORAGE_ERROR,
    errorCodes.FENCED_LEADER_EPOCH,
    errorCodes.OFFSET_NOT_AVAILABLE,
    errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    errorCodes.UNKNOWN_TOPIC_ID,
    errorCodes.INCONSISTENT_TOPIC_ID,
    errorCodes.LEADER_NOT_AVAILABLE,
    errorCodes.UNKNOWN_LEADER_EPOCH,
    errorCodes.UNKNOWN_SERVER_ERROR,
  ])("%i is tried again, at an easy pace", async (errorCode) => {
    const { logs, read, consumer, until } = await reader();
    logs.logs[0]!.append(3);
    let failures = 0;
    logs.override = () => (++failures <= 5 ? { errorCode } : null);
    expect(await read(3)).toEqual([0, 1, 2]);
    expect(failures).toBeGreaterThan(5);
    expect(logs.fetches[5]!.at - logs.fetches[0]!.at).toBeGreaterThan(1_000);
    await until(consumer.close());
  });

  test.each([errorCodes.TOPIC_AUTHORIZATION_FAILED, errorCodes.CORRUPT_MESSAGE, errorCodes.INVALID_FETCH_SIZE])(
    "%i is the application's to hear of, and tried again when it goes on",
    async (errorCode) => {
      const { logs, read, consumer, until } = await reader();
      logs.logs[0]!.append(3);
      logs.override = () => ({ errorCode });
      const error = await failure(read(1));
      expect(error).toMatchObject({ code: errorName(errorCode) });
      expect(error?.message).toContain("t-0 from offset 0");
      logs.override = () => null;
      expect(await read(3)).toEqual([0, 1, 2]);
      await until(consumer.close());
    },
  );

  test("one partition's error keeps no other from its records", async () => {
    const { logs, consumer, until } = await reader({}, { partitions: 2 });
    logs.logs[1]!.append(10);
    logs.override = ({ partition }) => (partition === 0 ? { errorCode: 3 } : null);
    const batches = consumer.batches();
    expect((await until(batches.next())).value?.partition).toBe(1);
    await until(consumer.close());
  });

  test("OFFSET_OUT_OF_RANGE behind what is queued waits until that has been taken", async () => {
    const { logs, consumer, until } = await reader({ maxPollRecords: 2 });
    logs.logs[0]!.append(4);
    logs.override = ({ fetchOffset }) => (fetchOffset === 4 ? { errorCode: 1 } : null);
    const batches = consumer.batches();
    expect((await until(batches.next())).value?.firstOffset).toBe(0);
    expect((await until(batches.next())).value?.firstOffset).toBe(2);
    logs.logs[0]!.logStartOffset = 4;
    logs.logs[0]!.append(1);
    logs.override = () => null;
    expect((await until(batches.next())).value?.firstOffset).toBe(4);
    await until(consumer.close());
  });
});

describe("leaders", () => {
  test("a broker that hangs up is asked again, and the leader wherever it is by then", async () => {
    const { logs, read, consumer, until } = await reader({}, { brokers: 2 });
    const [log] = logs.logs;
    log!.append(2);
    expect(await read(2)).toEqual([0, 1]);
    for (const broker of logs.cluster.brokers) broker.once(apis.fetch, () => hangUp);
    log!.leader.leaderId = 2;
    log!.leader.leaderEpoch = 1;
    log!.append(2);
    expect(await read(2)).toEqual([2, 3]);
    expect(logs.fetches.at(-1)?.broker).toBe(2);
    await until(consumer.close());
  });

  test("the answer itself may name the new leader (KIP-951)", async () => {
    const { logs, read, consumer, until } = await reader({}, { brokers: 2 });
    const [log] = logs.logs;
    log!.append(2);
    await read(2);
    const asked = logs.cluster.brokers[0]!.of(apis.metadata).length;
    log!.leader.leaderId = 2;
    log!.leader.leaderEpoch = 1;
    logs.override = (_, broker) =>
      broker === 1 ? { errorCode: 6, currentLeader: { leaderId: 2, leaderEpoch: 1 } } : null;
    log!.append(1);
    expect(await read(1)).toEqual([2]);
    expect(logs.cluster.brokers.flatMap((broker) => broker.of(apis.metadata))).toHaveLength(asked);
    await until(consumer.close());
  });

  test("a new leader is asked whether it has what was read (KIP-320)", async () => {
    const { logs, read, consumer, until } = await reader({ metadataMaxAgeMs: 1_000 });
    const [log] = logs.logs;
    log!.append(2);
    await read(2);
    log!.leader.leaderEpoch = 5;
    log!.append(1);
    expect(await read(1)).toEqual([2]);
    // The position of a seek has no epoch; what was read in between has.
    log!.append(1);
    const loop = consumer.batches();
    expect((await until(loop.next())).value?.lastOffset).toBe(3);
    log!.leader.leaderEpoch = 6;
    log!.append(1);
    expect((await until(loop.next())).value?.firstOffset).toBe(4);
    const asked = logs.cluster.brokers[0]!.of(apis.offsetForLeaderEpoch).map(
      ({ body }) => body.topics[0]!.partitions[0],
    );
    expect(asked).toEqual([{ partition: 0, currentLeaderEpoch: 6, leaderEpoch: 5 }]);
    await until(consumer.close());
  });

  test("a log that was cut is read on from where it parts from what was read", async () => {
    const { logs, consumer, until } = await reader();
    const [log] = logs.logs;
    log!.append(5);
    log!.append(5);
    const loop = consumer.batches();
    expect((await until(loop.next())).value?.lastOffset).toBe(9);
    log!.truncate(5);
    log!.leader.leaderEpoch = 3;
    log!.epochEnds.set(0, 5);
    log!.append(2);
    const { value } = await until(loop.next());
    expect([value?.firstOffset, value?.leaderEpoch]).toEqual([5, 3]);
    await until(consumer.close());
  });

  test("without a way to reset, a log that was cut is the application's to hear of", async () => {
    const { logs, consumer, until } = await reader({ autoOffsetReset: "none" });
    const [log] = logs.logs;
    log!.append(10);
    consumer.seekToBeginning();
    const loop = consumer.batches();
    await until(loop.next());
    log!.truncate(0);
    log!.leader.leaderEpoch = 3;
    log!.epochEnds.set(0, 4);
    const error = await until(failure(loop.next()));
    expect(error).toBeInstanceOf(LogTruncationError);
    expect(error).toMatchObject({ offset: 10, divergingOffset: 4 });
    await until(consumer.close());
  });

  test("a nearer replica is read from, for as long as it answers (KIP-392)", async () => {
    const { logs, read, consumer, until } = await reader({ clientRack: "r2" }, { brokers: 2 });
    const [log] = logs.logs;
    log!.append(3);
    logs.override = (part, broker) => {
      if (broker === 1) return part.fetchOffset === 0 ? { preferredReadReplica: 2 } : null;
      return part.fetchOffset >= 3 ? { errorCode: 1 } : { records: log!.read(part.fetchOffset, 1_000) };
    };
    expect(await read(3)).toEqual([0, 1, 2]);
    expect(logs.fetches.map(({ broker }) => broker).slice(0, 2)).toEqual([1, 2]);
    expect(logs.fetches[0]!.body.rackId).toBe("r2");
    // The replica lags behind: back to the leader.
    log!.append(1);
    expect(await read(1)).toEqual([3]);
    await until(consumer.close());
  });
});

describe("sessions and versions", () => {
  test.each([
    errorCodes.FETCH_SESSION_ID_NOT_FOUND,
    errorCodes.INVALID_FETCH_SESSION_EPOCH,
    errorCodes.FETCH_SESSION_TOPIC_ID_ERROR,
  ])("after %i it starts a new session", async (errorCode) => {
    const { logs, read, consumer, until, pass } = await reader();
    logs.sessionError = errorCode;
    logs.logs[0]!.append(2);
    consumer.pause([]);
    const reading = read(2);
    logs.cluster.world.clock.setTimer(500, () => {
      logs.sessionError = 0;
    });
    expect(await reading).toEqual([0, 1]);
    expect(logs.fetches.length).toBeLessThan(20);
    await pass(10);
    await until(consumer.close());
  });

  test.each([
    [4, 4],
    [4, 6],
    [4, 11],
    [4, 12],
    [4, 17],
  ])("versions %i to %i of Fetch", async (min, max) => {
    const { logs, read, consumer, until } = await reader({}, {}, ({ cluster }) =>
      cluster.broker(1).limits.set(apis.fetch.key, [min, max]),
    );
    logs.logs[0]!.append(2);
    expect(await read(2)).toEqual([0, 1]);
    expect(logs.fetches[0]!.version).toBe(max);
    await until(consumer.close());
  });

  test("topics without ids go by name", async () => {
    const { logs, read, consumer, until } = await reader({}, {}, ({ cluster }) =>
      cluster.broker(1).limits.set(apis.metadata.key, [1, 9]),
    );
    logs.logs[0]!.append(2);
    expect(await read(2)).toEqual([0, 1]);
    expect(logs.fetches[0]!.version).toBe(12);
    await until(consumer.close());
  });
});

describe("what is fetched ahead", () => {
  test("one fetch is in flight per broker, and what is full does not make the others wait", async () => {
    const { logs, consumer, until, pass } = await reader(
      { maxPartitionFetchBytes: 500, maxPollRecords: 1 },
      { partitions: 2 },
    );
    for (let n = 0; n < 10; n++) logs.logs[0]!.append(5);
    const loop = consumer.batches();
    await until(loop.next());
    await pass(2_000);
    const later = logs.fetches.filter(({ at }) => at > 500);
    // Partition 0 is full: the other is asked for at once, and again after a while.
    expect(later.every(({ body }) => body.maxWaitMs === 0)).toBe(true);
    expect(later.length).toBeGreaterThan(1);
    expect(later.length).toBeLessThan(6);
    for (let offset = 1; offset < 50; offset++) expect((await until(loop.next())).value?.firstOffset).toBe(offset);
    await until(consumer.close());
  });

  test("what is queued of a paused partition makes room for others", async () => {
    const { logs, consumer, until } = await reader({ queuedMaxBytes: 2_000, maxPollRecords: 1 }, { partitions: 2 });
    for (let n = 0; n < 10; n++) logs.logs[0]!.append(20);
    const loop = consumer.batches();
    expect((await until(loop.next())).value?.firstOffset).toBe(0);
    consumer.pause([t(0)]);
    logs.logs[1]!.append(1);
    expect((await until(loop.next())).value?.partition).toBe(1);
    consumer.resume([t(0)]);
    for (let offset = 1; offset < 200; offset++) expect((await until(loop.next())).value?.firstOffset).toBe(offset);
    await until(consumer.close());
  });

  test("what was asked for before a seek is dropped when it comes", async () => {
    const { logs, consumer, until, pass } = await reader();
    const loop = consumer.batches();
    const next = loop.next();
    await pass(100);
    expect(logs.fetches).toHaveLength(1);
    consumer.seek({ ...t(0), offset: 2 });
    logs.logs[0]!.append(1);
    logs.logs[0]!.append(3);
    expect((await until(next)).value?.firstOffset).toBe(2);
    await until(consumer.close());
  });
});

describe("what is handed out", () => {
  test("read_committed leaves out what was aborted, and waits for what is open", async () => {
    const { logs, consumer, until, read } = await reader({ isolationLevel: "read_committed" });
    const [log] = logs.logs;
    const transactional = { isTransactional: true, producerId: 7, producerEpoch: 0, baseSequence: 0 };
    log!.append(2, transactional); // 0, 1
    log!.end("abort", 7); // 2
    log!.append(1, transactional); // 3
    log!.end("commit", 7); // 4
    log!.append(2, transactional); // 5, 6
    log!.end("abort", 7); // 7
    log!.append(1); // 8
    log!.append(1, transactional); // 9, open
    log!.aborted = [
      { producerId: 7, firstOffset: 0, lastOffset: 2 },
      { producerId: 7, firstOffset: 5, lastOffset: 7 },
    ];
    log!.lastStableOffset = 9;
    expect(await read(2)).toEqual([3, 8]);
    expect(await until(consumer.poll({ timeoutMs: 2_000 }))).toBeNull();
    log!.end("commit", 7);
    log!.lastStableOffset = null;
    expect(await read(1)).toEqual([9]);
    await until(consumer.close());
  });

  test("a position passes what applications do not get", async () => {
    const { logs, consumer, until } = await reader({ isolationLevel: "read_committed" });
    logs.logs[0]!.append(1, { isTransactional: true, producerId: 7, producerEpoch: 0, baseSequence: 0 });
    logs.logs[0]!.end("commit", 7);
    expect((await until(consumer.poll({ timeoutMs: 1_000 })))?.length).toBe(1);
    expect(await until(consumer.poll({ timeoutMs: 1_000 }))).toBeNull();
    expect(await until(consumer.position(t(0)))).toBe(2);
    await until(consumer.close());
  });

  test("damage rejects, with the place to go on from", async () => {
    const { logs, read, consumer, until } = await reader();
    const [log] = logs.logs;
    log!.append(2);
    const broken = log!.append(2);
    broken[broken.length - 1]! ^= 1;
    log!.append(2);
    const seen: number[] = [];
    const loop = async () => {
      for await (const { offset } of consumer) seen.push(offset);
    };
    for (let n = 0; n < 2; n++) {
      const error = (await until(failure(loop()))) as CorruptPartitionError;
      expect(error).toBeInstanceOf(CorruptPartitionError);
      expect(error).toMatchObject({ topic: "t", partition: 0, offset: 2, nextOffset: 4 });
    }
    expect(seen).toEqual([0, 1]);
    consumer.seek({ ...t(0), offset: 4 });
    expect(await read(2)).toEqual([4, 5]);
    await until(consumer.close());
  });
});
