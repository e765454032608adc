import { apis } from "@ottla/protocol";
import { expect, it } from "vitest";
import { FakeCluster } from "../../test/fake-cluster.ts";
import { Producer } from "./producer.ts";

it("sends a record and says where it is", async () => {
  const cluster = await FakeCluster.start();
  cluster.createTopic("orders", 3);
  const { runtime } = cluster.client;
  const producer = new Producer({ bootstrapServers: cluster.bootstrapServers, runtime });
  const metadata = await cluster.until(producer.send({ topic: "orders", key: "k", value: "v" }));
  expect(metadata).toEqual({
    topic: "orders",
    partition: expect.any(Number),
    offset: 0,
    timestamp: expect.any(Number),
  });
  await cluster.until(producer.close());
  expect(cluster.broker(1).of(apis.produce)).toHaveLength(1);
});
