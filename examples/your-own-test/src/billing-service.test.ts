/** What does the service do when a rebalance, a crash or a broken message comes in the middle of its work? */
import { Admin, json, Producer, string } from "@ottla/client";
import { Cluster, intercept } from "@ottla/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BillingService, type Order } from "./billing-service.ts";
import { TestLedger } from "./test-ledger.ts";

const unknownMemberId = 25; // Kafka's UNKNOWN_MEMBER_ID

let cluster: Cluster;
let admin: Admin;
let producer: Producer<string, Order>;
let ledger: TestLedger;
let services: BillingService[];

beforeEach(async () => {
  cluster = await Cluster.start({ brokers: 3 }); // in this process, in memory, ready at once
  const { bootstrapServers } = cluster;
  admin = new Admin({ bootstrapServers });
  await admin.createTopics([
    { topic: "orders", partitions: 2, replicationFactor: 3 },
    { topic: "orders-rejected", partitions: 1, replicationFactor: 3 },
  ]);
  producer = new Producer({ bootstrapServers, key: string, value: json<Order>() });
  ledger = new TestLedger();
  services = [];
});

afterEach(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await producer.close();
  await admin.close();
  await cluster.close();
});

function start(clientId: string): BillingService {
  const service = new BillingService({ bootstrapServers: cluster.bootstrapServers, clientId, ledger });
  services.push(service);
  return service;
}

/** Sends the orders from number `first` to `last`, in turns to both partitions. */
const send = (first: number, last: number) =>
  producer.sendAll(
    Array.from({ length: last - first + 1 }, (_, index) => ({
      topic: "orders",
      partition: index % 2,
      value: { orderId: `order-${first + index}`, amount: 10 },
    })),
  );

it("finishes its batch before another instance takes over", async () => {
  await send(1, 20);
  const gate = ledger.holdAt("order-3");
  start("billing-1");
  await gate.reached; // billing-1 stands in the middle of a batch

  const joins = intercept(cluster, { api: "JOIN_GROUP", clientId: "billing-2", where: (join) => join.memberId !== "" });
  start("billing-2");
  await joins.next(); // the group is to be rebalanced
  gate.open();

  await ledger.booked(20);
  await send(21, 40);
  await ledger.booked(40);
  expect(ledger.attempts).toHaveLength(40); // none of them twice
  expect((await admin.describeGroups(["billing"]))[0]?.members).toHaveLength(2);
});

it("books an order once, though two instances have handled it", async () => {
  await send(1, 20);
  const gate = ledger.holdAt("order-3");
  start("billing-1");
  await gate.reached;

  await admin.removeMembers("billing", "all"); // the group gives billing-1 up: as if its session were over
  start("billing-2");
  await ledger.booked(20); // by billing-2 alone, order-3 too
  const refused = intercept(cluster, { api: "OFFSET_COMMIT", clientId: "billing-1" });
  gate.open();
  expect(await (await refused.next()).answered).toMatchObject({
    topics: [{ partitions: expect.arrayContaining([expect.objectContaining({ errorCode: unknownMemberId })]) }],
  });

  await send(21, 40);
  await ledger.booked(40);
  expect(ledger.orders.size).toBe(40);
  expect(ledger.attempts.filter((orderId) => orderId === "order-3")).toHaveLength(2);
});

it("lives through a crash of the broker that coordinates its group, and that one's return", async () => {
  const service = start("billing-1");
  await send(1, 20);
  await ledger.booked(20);

  const coordinator = cluster.coordinator("billing");
  await coordinator?.kill();
  await send(21, 40);
  await ledger.booked(40);

  await coordinator?.start();
  await send(41, 60);
  await ledger.booked(60);
  await service.stop();
  expect((await admin.groupLag("billing")).map(({ lag }) => lag)).toEqual([0, 0]); // all is committed
});

it("puts aside what it cannot read, and goes on", async () => {
  await send(1, 4);
  await using raw = new Producer({ bootstrapServers: cluster.bootstrapServers, value: string });
  await raw.send({ topic: "orders", partition: 0, value: '{"orderId": "order-5", "amount"' });
  await send(6, 9);

  const service = start("billing-1");
  await ledger.booked(8);
  await service.stop();
  expect((await admin.groupLag("billing")).map(({ lag }) => lag)).toEqual([0, 0]);
  expect(await admin.listOffsets([{ topic: "orders-rejected", partition: 0, at: "latest" }])).toMatchObject([
    { offset: 1 },
  ]);
});
