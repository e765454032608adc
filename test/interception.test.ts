import {
  Admin,
  Consumer,
  type ConsumerOptions,
  Producer,
  string,
  TimeoutError,
  UnsupportedVersionError,
} from "@ottla/client";
import { intercept, type KafkaRelease, limitVersions } from "@ottla/testkit";
import { describe, expect, it } from "vitest";
import { RawClient, readAll } from "./support/raw-client.ts";
import { bootstrapServers, SimSetup } from "./support/sim-setup.ts";

const requestTimeoutMs = 1000;

async function topicWith(setup: SimSetup, topic = "t"): Promise<Admin> {
  const admin = new Admin({ bootstrapServers, runtime: setup.runtime(), clientId: "admin", requestTimeoutMs });
  await setup.until(admin.createTopics([{ topic, partitions: 1, replicationFactor: 1 }]));
  return admin;
}

function producerOf(setup: SimSetup, clientId = "producer"): Producer {
  return new Producer({ bootstrapServers, runtime: setup.runtime(), clientId, requestTimeoutMs });
}

function consumerOf(setup: SimSetup, options: Partial<ConsumerOptions<Buffer, string>> = {}): Consumer<Buffer, string> {
  const clientId = "consumer";
  const fixed = {
    bootstrapServers,
    runtime: setup.runtime(options.clientId ?? clientId),
    groupId: "g",
    value: string,
  } as const;
  const session = {
    sessionTimeoutMs: 6000,
    heartbeatIntervalMs: 1000,
    autoOffsetReset: "earliest",
    enableAutoCommit: false,
  } as const;
  return new Consumer({ ...fixed, ...session, clientId, ...options });
}

async function valuesOf(setup: SimSetup, topic = "t"): Promise<(string | null)[]> {
  const client = await setup.until(RawClient.connect(setup.runtime("reader").network, "server", 9092));
  const { records } = await setup.until(readAll(client, topic, 0));
  client.close();
  return records.map(({ value }) => value);
}

describe("an intercepted broker and our client", () => {
  it.each(["dropAnswer", "disconnectAfter"] as const)(
    "has no duplicate when the answer to a batch is lost (%s)",
    async (how) => {
      const setup = await SimSetup.start();
      await topicWith(setup);
      const producer = producerOf(setup);
      await setup.until(producer.send({ topic: "t", value: "first" }));
      const lost = intercept(setup.broker, { api: "PRODUCE", times: 1 })[how]();
      const place = await setup.until(producer.send({ topic: "t", value: "second" }));
      expect([lost.count, place.offset]).toEqual([1, 1]);
      expect(await setup.until(producer.send({ topic: "t", value: "third" }))).toMatchObject({ offset: 2 });
      expect(await valuesOf(setup)).toEqual(["first", "second", "third"]);
    },
  );

  it("keeps the order of batches in flight when one of them is not written", async () => {
    const setup = await SimSetup.start();
    await topicWith(setup);
    const producer = producerOf(setup);
    await setup.until(producer.send({ topic: "t", value: "0" }));
    intercept(setup.broker, { api: "PRODUCE", times: 1, skip: 1 }).fail("NOT_LEADER_OR_FOLLOWER");
    const sent: Promise<unknown>[] = [];
    for (let n = 1; n <= 5; n++) {
      sent.push(producer.send({ topic: "t", value: String(n) }));
      await setup.world.clock.runFor(6);
    }
    await setup.until(Promise.all(sent));
    expect(await valuesOf(setup)).toEqual(["0", "1", "2", "3", "4", "5"]);
  });

  it("does not take an answer that comes after its time-out for another's", async () => {
    const setup = await SimSetup.start();
    const admin = await topicWith(setup, "a");
    await setup.until(admin.createTopics([{ topic: "b", partitions: 3 }]));
    const describe = (topic: string, timeoutMs: number) => setup.until(admin.describeTopics([topic], { timeoutMs }));
    const late = intercept(setup.broker, { clientId: "admin", times: 1 }).delayAnswer(700);
    await expect(describe("a", 500)).rejects.toThrow(TimeoutError);
    expect(late.count).toBe(1);
    // On the same connection: its answer comes behind the late one.
    const [found] = await describe("b", 5000);
    expect([found?.topic, found?.partitions.length]).toEqual(["b", 3]);
  });

  it("waits for an answer that is held, and goes on with it", async () => {
    const setup = await SimSetup.start();
    await topicWith(setup);
    const held = intercept(setup.broker, { api: "INIT_PRODUCER_ID" }).holdAnswer();
    const producer = producerOf(setup);
    const sending = producer.send({ topic: "t", value: "x" });
    const call = await setup.until(held.next());
    await setup.world.clock.runFor(500);
    expect(await valuesOf(setup)).toEqual([]);
    call.release();
    await setup.until(sending);
    expect((await setup.until(call.answered))?.producerId).toBeGreaterThanOrEqual(0);
  });

  it("looks for the partition's leader anew when the broker says that it is not", async () => {
    const setup = await SimSetup.start();
    await topicWith(setup);
    const producer = producerOf(setup);
    await setup.until(producer.send({ topic: "t", value: "x" }));
    const asked = intercept(setup.broker, { api: "METADATA", clientId: "producer" });
    intercept(setup.broker, { api: "PRODUCE", times: 2 }).fail("NOT_LEADER_OR_FOLLOWER");
    await setup.until(producer.send({ topic: "t", value: "y" }));
    expect(asked.count).toBeGreaterThan(0);
    expect(await valuesOf(setup)).toEqual(["x", "y"]);
  });

  it.each<KafkaRelease>(["2.1", "2.8", "3.9"])("gets along with the versions of Apache Kafka %s", async (release) => {
    const setup = await SimSetup.start();
    limitVersions(setup.broker, release);
    const versions = new Map<string, number>();
    intercept(setup.broker).use((call) => {
      versions.set(call.api, call.version);
      return call.handle();
    });
    const admin = await topicWith(setup);
    const producer = producerOf(setup);
    await setup.until(producer.send({ topic: "t", value: "x" }));
    await setup.until(admin.alterGroupOffsets("g", [{ topic: "t", partition: 0, offset: 1 }]));
    expect(await setup.until(admin.listGroupOffsets("g"))).toMatchObject([{ topic: "t", partition: 0, offset: 1 }]);
    expect(await setup.until(admin.listTopics())).toEqual(["t"]);
    const consumer = consumerOf(setup, { groupId: "readers" });
    await consumer.subscribe(["t"]);
    const message = await setup.until(consumer[Symbol.asyncIterator]().next());
    expect(message.value).toMatchObject({ value: "x", offset: 0 });
    await setup.until(consumer.commit());
    expect(await setup.until(consumer.committed())).toMatchObject([{ offset: 1 }]);
    await setup.until(consumer.close());
    const latest = await setup.until(admin.listOffsets([{ topic: "t", partition: 0, at: "latest" }]));
    expect(latest).toMatchObject([{ offset: 1 }]);
    const produced = { "2.1": 7, "2.8": 9, "3.9": 11 }[release];
    expect([versions.get("PRODUCE"), versions.get("API_VERSIONS")]).toEqual([
      produced,
      release === "2.1" ? 2 : release === "2.8" ? 3 : 4,
    ]);
  });

  it("says so where a broker is too old for what is asked", async () => {
    const setup = await SimSetup.start();
    limitVersions(setup.broker, { PRODUCE: null });
    await topicWith(setup);
    const sending = setup.until(producerOf(setup).send({ topic: "t", value: "x" }));
    await expect(sending).rejects.toThrow(UnsupportedVersionError);
    await expect(sending).rejects.toThrow("PRODUCE");
  });

  it("commits once the coordinator is where it was looked for, and has loaded what it knows", async () => {
    const setup = await SimSetup.start();
    await topicWith(setup);
    await setup.until(producerOf(setup).send({ topic: "t", value: "x" }));
    const consumer = consumerOf(setup);
    await consumer.subscribe(["t"]);
    await setup.until(consumer[Symbol.asyncIterator]().next());
    const asked = intercept(setup.broker, { api: "FIND_COORDINATOR", clientId: "consumer" });
    intercept(setup.broker, { api: "OFFSET_COMMIT", times: 1 }).fail("COORDINATOR_LOAD_IN_PROGRESS");
    intercept(setup.broker, { api: "OFFSET_COMMIT", times: 1 }).fail("NOT_COORDINATOR");
    await setup.until(consumer.commit());
    expect(asked.count).toBeGreaterThan(0);
    expect(await setup.until(consumer.committed())).toMatchObject([{ offset: 1 }]);
  });

  it("commits what was committed already when the answer was lost", async () => {
    const setup = await SimSetup.start();
    await topicWith(setup);
    await setup.until(producerOf(setup).send({ topic: "t", value: "x" }));
    const consumer = consumerOf(setup, { requestTimeoutMs });
    await consumer.subscribe(["t"]);
    await setup.until(consumer[Symbol.asyncIterator]().next());
    const lost = intercept(setup.broker, { api: "OFFSET_COMMIT", times: 1 }).disconnectAfter();
    await setup.until(consumer.commit());
    expect(lost.count).toBe(1);
    expect(await setup.until(consumer.committed())).toMatchObject([{ offset: 1 }]);
  });

  it("tells a member whose heartbeats were lost that its partitions are, and gives them to it again", async () => {
    const setup = await SimSetup.start();
    await topicWith(setup);
    await setup.until(producerOf(setup).send({ topic: "t", value: "x" }));
    const consumer = consumerOf(setup);
    const told: string[] = [];
    await consumer.subscribe(["t"], {
      onPartitionsAssigned: (partitions) => void told.push(`assigned ${partitions.length}`),
      onPartitionsRevoked: (partitions) => void told.push(`revoked ${partitions.length}`),
      onPartitionsLost: (partitions) => void told.push(`lost ${partitions.length}`),
    });
    const messages = consumer[Symbol.asyncIterator]();
    await setup.until(messages.next());
    const heartbeats = intercept(setup.broker, { api: "HEARTBEAT", clientId: "consumer" }).drop();
    await setup.world.clock.runFor(8000);
    heartbeats.stop();
    await expect(setup.until(consumer.commit())).rejects.toMatchObject({ name: "CommitFailedError" });
    const again = await setup.until(messages.next());
    expect(again.value).toMatchObject({ offset: 0, value: "x" });
    expect(told).toEqual(["assigned 1", "lost 1", "assigned 1"]);
  });

  it("leaves the others alone while the JoinGroup of a newcomer is held", async () => {
    const setup = await SimSetup.start();
    const admin = await topicWith(setup);
    await setup.until(admin.createPartitions([{ topic: "t", count: 2 }]));
    const first = consumerOf(setup, { clientId: "first" });
    await first.subscribe(["t"]);
    const firstMessages = first[Symbol.asyncIterator]();
    void firstMessages.next();
    await setup.world.clock.runFor(1000);
    expect(first.assignment()).toHaveLength(2);
    const joins = intercept(setup.broker, { api: "JOIN_GROUP", clientId: "second" }).hold();
    const second = consumerOf(setup, { clientId: "second" });
    await second.subscribe(["t"]);
    void second[Symbol.asyncIterator]().next();
    const join = await setup.until(joins.next());
    await setup.world.clock.runFor(2000);
    expect([first.assignment().length, second.assignment().length]).toEqual([2, 0]);
    joins.stop();
    expect(join.request.groupId).toBe("g");
    await setup.world.clock.runFor(3000);
    expect([first.assignment().length, second.assignment().length]).toEqual([1, 1]);
  });
});
