import { Cluster, intercept } from "@ottla/testkit";
import { expect, it, vi } from "vitest";
import { placeOrders, startBilling } from "./billing.ts";

it("bills every order once when a second instance joins in the middle of a batch", async () => {
  await using cluster = await Cluster.start({ brokers: 3, numPartitions: 6, defaultReplicationFactor: 3 });
  const orders = await placeOrders(cluster.bootstrapServers, 100);
  const joins = intercept(cluster, { api: "JOIN_GROUP", clientId: "billing-2", times: 1 }).hold();
  const billed: string[] = [];
  await using _first = startBilling(cluster.bootstrapServers, "billing-1", async (order) => {
    if (billed.push(order) !== 10) return; // in the middle of a batch
    (await joins.next()).release(); // the second instance joins,
    const heartbeat = intercept(cluster, { api: "HEARTBEAT", clientId: "billing-1", times: 1 });
    await heartbeat.fail("REBALANCE_IN_PROGRESS").finished; // and the first one hears of it
  });
  await using _second = startBilling(cluster.bootstrapServers, "billing-2", async (order) => void billed.push(order));
  await vi.waitFor(() => expect(billed.toSorted()).toEqual(orders), 20_000);
});
