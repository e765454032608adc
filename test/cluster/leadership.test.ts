/** What a broker of a cluster answers to requests that have come to the wrong place, or wait while leadership moves. */
import { type Api, apis, BatchBuilder, errorCodes, type RequestInput, type ResponseValue } from "@ottla/protocol";
import { type SimWorld, simWorld } from "@ottla/runtime";
import { Cluster, type ClusterOptions, intercept } from "@ottla/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RawClient } from "../support/raw-client.ts";

const { NOT_LEADER_OR_FOLLOWER, NOT_COORDINATOR, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH } = errorCodes;
const until = <T>(promise: Promise<T>) => world.clock.until(promise);

let world: SimWorld;
let cluster: Cluster;
let topicId: string;

async function start(options: ClusterOptions = {}): Promise<void> {
  world = simWorld(1);
  const { runtime } = world.machine("server").start();
  cluster = await until(Cluster.start({ runtime, host: "server", port: 9092, brokers: 3, ...options }));
  const { topics } = await ask(1, apis.createTopics, {
    topics: [{ name: "t", numPartitions: 1, replicationFactor: 3, assignments: [], configs: [] }],
  });
  topicId = topics[0]!.topicId;
}

function connect(broker: number): Promise<RawClient> {
  const { network } = world.machine("client").start().runtime;
  return until(RawClient.connect(network, "server", 9091 + broker));
}

async function ask<A extends Api>(
  broker: number,
  api: A,
  body: RequestInput<A>,
  version?: number,
): Promise<ResponseValue<A>> {
  const client = await connect(broker);
  const answer = await until(client.request(api, body, version));
  client.close();
  return answer;
}

const leader = () => cluster.leader("t", 0)!;
const others = () => cluster.brokers.filter(({ id }) => id !== leader().id);
const epoch = () => cluster.partition("t", 0)!.leaderEpoch;

function fetchRequest(currentLeaderEpoch = -1): RequestInput<typeof apis.fetch> {
  const partition = { partition: 0, currentLeaderEpoch, fetchOffset: 0, partitionMaxBytes: 1 << 20 };
  return {
    ...{ maxWaitMs: 60_000, minBytes: 1, maxBytes: 1 << 20, sessionEpoch: -1 },
    topics: [{ topicId, partitions: [partition] }],
  };
}

function produceRequest(acks: number): RequestInput<typeof apis.produce> {
  const builder = new BatchBuilder({ codec: "none" });
  builder.append(0, null, Buffer.from("x"), []);
  const records = builder.build({});
  return { acks, timeoutMs: 1000, topicData: [{ topicId, partitionData: [{ index: 0, records }] }] };
}

const firstFetched = (answer: ResponseValue<typeof apis.fetch>) => answer.responses[0]!.partitions[0]!;
const firstProduced = (answer: ResponseValue<typeof apis.produce>) => answer.responses[0]!.partitionResponses[0]!;

beforeEach(() => start());
afterEach(() => until(cluster.close()));

describe("a broker that does not lead", () => {
  it("says who does, where the version has a place for it", async () => {
    const [other] = others();
    const endPoint = { nodeId: leader().id, host: "server", port: 9091 + leader().id };
    const currentLeader = { leaderId: leader().id, leaderEpoch: epoch() };
    const fetched = await ask(other!.id, apis.fetch, fetchRequest());
    expect(firstFetched(fetched)).toMatchObject({ errorCode: NOT_LEADER_OR_FOLLOWER, currentLeader });
    expect(fetched.nodeEndpoints).toMatchObject([endPoint]);
    const produced = await ask(other!.id, apis.produce, produceRequest(-1));
    expect(firstProduced(produced)).toMatchObject({ errorCode: NOT_LEADER_OR_FOLLOWER, currentLeader });
    expect(produced.nodeEndpoints).toMatchObject([endPoint]);
    const listed = await ask(other!.id, apis.listOffsets, {
      replicaId: -1,
      topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
    });
    expect(listed.topics[0]!.partitions[0]!.errorCode).toBe(NOT_LEADER_OR_FOLLOWER);
  });

  it("can be asked for anything that is not about a partition's records", async () => {
    const [other] = others();
    const topics = [{ name: "u", numPartitions: 3, replicationFactor: 2, assignments: [], configs: [] }];
    expect((await ask(other!.id, apis.createTopics, { topics })).topics[0]).toMatchObject({ errorCode: 0 });
    for (const { id } of cluster.brokers) {
      const answer = await ask(id, apis.metadata, { topics: [{ name: "u" }] });
      expect(answer.topics[0]!.partitions.map(({ leaderId }) => leaderId).sort()).toEqual([1, 2, 3]);
      expect(answer.brokers.map(({ nodeId, port }) => [nodeId, port])).toEqual([1, 2, 3].map((n) => [n, 9091 + n]));
    }
    const first = await ask(1, apis.initProducerId, { transactionalId: null, transactionTimeoutMs: 0 });
    const second = await ask(2, apis.initProducerId, { transactionalId: null, transactionTimeoutMs: 0 });
    expect(second.producerId).not.toBe(first.producerId);
  });
});

describe("when leadership moves", () => {
  it("answers fetches that wait, and fences the epoch before", async () => {
    const [old, before] = [leader(), epoch()];
    const client = await connect(old.id);
    const waiting = client.request(apis.fetch, fetchRequest());
    await world.clock.runFor(100);
    const next = others()[0]!;
    await until(cluster.moveLeader("t", 0, next));
    const answer = firstFetched(await until(waiting));
    const currentLeader = { leaderId: next.id, leaderEpoch: before + 1 };
    expect(answer).toMatchObject({ errorCode: NOT_LEADER_OR_FOLLOWER, currentLeader });
    const withEpoch = async (value: number) => firstFetched(await ask(next.id, apis.fetch, fetchRequest(value)));
    expect((await withEpoch(before)).errorCode).toBe(FENCED_LEADER_EPOCH);
    expect((await withEpoch(before + 2)).errorCode).toBe(UNKNOWN_LEADER_EPOCH);
  });

  it("has every record that was written, whoever leads, and the epochs' ends", async () => {
    const before = epoch();
    expect(firstProduced(await ask(leader().id, apis.produce, produceRequest(1)))).toMatchObject({ baseOffset: 0 });
    await until(cluster.moveLeader("t", 0, others()[0]!));
    expect(firstProduced(await ask(leader().id, apis.produce, produceRequest(-1)))).toMatchObject({ baseOffset: 1 });
    const { records } = firstFetched(await ask(leader().id, apis.fetch, fetchRequest()));
    expect(records!.length).toBe(2 * 69);
    const partitions = [{ partition: 0, currentLeaderEpoch: epoch(), leaderEpoch: before }];
    const ends = await ask(leader().id, apis.offsetForLeaderEpoch, {
      replicaId: -1,
      topics: [{ topic: "t", partitions }],
    });
    expect(ends.topics[0]!.partitions[0]).toMatchObject({ leaderEpoch: before, endOffset: 1 });
  });

  it("does not move to a replica that is down", async () => {
    const [down] = others();
    await until(down!.kill());
    await expect(cluster.moveLeader("t", 0, down!)).rejects.toThrow(/broker \d cannot lead t-0: its replicas are/);
    await expect(cluster.moveLeader("missing", 0, 1)).rejects.toThrow("there is no partition missing-0");
  });
});

describe("a group", () => {
  const join = (broker: number, client?: RawClient, memberId = "") => {
    const protocols = [{ name: "range", metadata: Buffer.alloc(0) }];
    const timeouts = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 30_000 };
    const body = { groupId: "g", memberId, protocolType: "consumer", protocols, ...timeouts };
    return client === undefined ? ask(broker, apis.joinGroup, body) : client.request(apis.joinGroup, body);
  };

  async function coordinator() {
    await ask(1, apis.findCoordinator, { keyType: 0, coordinatorKeys: ["g"] });
    return cluster.coordinator("g")!;
  }

  it("is coordinated by one broker, which all name", async () => {
    expect(cluster.coordinator("g")).toBeUndefined();
    const { id } = await coordinator();
    for (const broker of cluster.brokers) {
      const { coordinators } = await ask(broker.id, apis.findCoordinator, { keyType: 0, coordinatorKeys: ["g"] });
      expect(coordinators[0]).toMatchObject({ nodeId: id, port: 9091 + id, errorCode: 0 });
      const { errorCode } = await join(broker.id);
      expect(errorCode).toBe(broker.id === id ? errorCodes.MEMBER_ID_REQUIRED : NOT_COORDINATOR);
    }
    expect(cluster.partition("__consumer_offsets", 0)!.replicas).toHaveLength(3);
  });

  it("hears NOT_COORDINATOR while its members wait, and finds its state with the next coordinator", async () => {
    const old = await coordinator();
    const first = await join(old.id);
    const client = await connect(old.id);
    const { memberId } = await until(join(old.id, client, first.memberId));
    const commit = { groupId: "g", memberId, generationIdOrMemberEpoch: 1 };
    const partitions = [{ partitionIndex: 0, committedOffset: 7, committedMetadata: "" }];
    // A second member: the first has to join again, so the second one's request waits.
    const newcomer = await join(old.id);
    const other = await connect(old.id);
    const waiting = join(old.id, other, newcomer.memberId);
    await world.clock.runFor(100);
    await ask(old.id, apis.offsetCommit, { ...commit, topics: [{ topicId, partitions }] });
    await until(old.stop());
    expect((await until(waiting)).errorCode).toBe(NOT_COORDINATOR);
    const next = cluster.coordinator("g")!;
    expect(next.id).not.toBe(old.id);
    await world.clock.runFor(100);
    const groups = [{ groupId: "g", memberId: null, memberEpoch: -1, topics: null }];
    const { groups: fetched } = await ask(next.id, apis.offsetFetch, { groups, requireStable: true });
    expect(fetched[0]!.topics).toMatchObject([{ topicId, partitions: [{ committedOffset: 7 }] }]);
    await until(old.start());
    const late = await ask(old.id, apis.offsetFetch, { groups, requireStable: true });
    expect(late.groups[0]!.errorCode).toBe(NOT_COORDINATOR);
    await until(cluster.moveCoordinator("g", old));
    await world.clock.runFor(100);
    const back = await ask(old.id, apis.offsetFetch, { groups, requireStable: true });
    expect(back.groups[0]!.topics).toMatchObject([{ topicId, partitions: [{ committedOffset: 7 }] }]);
  });

  it("is listed by the broker that coordinates it, and by no other", async () => {
    const { id } = await coordinator();
    const { memberId } = await join(id);
    const client = await connect(id);
    await until(join(id, client, memberId));
    for (const broker of cluster.brokers) {
      const { groups } = await ask(broker.id, apis.listGroups, { statesFilter: [], typesFilter: [] });
      expect(groups.map(({ groupId }) => groupId)).toEqual(broker.id === id ? ["g"] : []);
    }
  });
});

describe("a broker that is killed", () => {
  it("answers nobody, and does nothing that it had been kept from", async () => {
    const old = leader();
    const produced = intercept(cluster, { api: "PRODUCE", broker: old.id }).hold();
    const client = await connect(old.id);
    const sending = client.request(apis.produce, produceRequest(-1));
    const held = await until(produced.next());
    const killed = old.kill();
    await expect(until(sending)).rejects.toThrow(/closed/);
    await until(killed);
    held.release();
    await expect(held.answered).rejects.toThrow(/killed/);
    await world.clock.runFor(100);
    const listed = await ask(leader().id, apis.listOffsets, {
      replicaId: -1,
      topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
    });
    expect(listed.topics[0]!.partitions[0]!.offset).toBe(0);
  });

  it("is missed only after a while, if that is wanted", async () => {
    const old = leader();
    await until(old.kill({ noticedAfterMs: 9000 }));
    expect([old.isUp, leader().id]).toEqual([false, old.id]);
    const seen = await ask(others()[0]!.id, apis.metadata, { topics: [] });
    expect(seen.brokers).toHaveLength(3);
    await world.clock.runFor(9100);
    expect(leader().id).not.toBe(old.id);
    const later = await ask(others()[0]!.id, apis.describeCluster, {
      includeClusterAuthorizedOperations: false,
      includeFencedBrokers: true,
    });
    expect(later.brokers.map(({ brokerId, isFenced }) => [brokerId, isFenced]).sort()).toEqual(
      [1, 2, 3].map((id) => [id, id === old.id]),
    );
  });

  it("has another life when it starts before it was missed", async () => {
    const old = leader();
    const before = epoch();
    await until(old.kill({ noticedAfterMs: 9000 }));
    await until(old.start());
    expect(leader().id).not.toBe(old.id);
    expect(epoch()).toBe(before + 1);
    await world.clock.runFor(10_000);
    expect(cluster.partition("t", 0)!.isr).toEqual([1, 2, 3]);
  });
});
