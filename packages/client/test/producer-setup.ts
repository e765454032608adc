import { apis } from "@ottla/protocol";
import { Producer } from "../src/producer/producer.ts";
import type { ProducerOptions } from "../src/producer/settings.ts";
import { FakeCluster } from "./fake-cluster.ts";

type Text = string | Uint8Array;

/** A producer on a cluster of scripted brokers with one topic. */
export async function setUp<K = Text, V = Text>(
  options: Partial<ProducerOptions<K, V>> = {},
  cluster: { brokers?: number; partitions?: number; seed?: number } = {},
) {
  const fake = await FakeCluster.start(cluster);
  const topic = fake.createTopic("orders", cluster.partitions ?? 1);
  const { bootstrapServers, client } = fake;
  const producer = new Producer<K, V>({ bootstrapServers, runtime: client.runtime, ...options } as ProducerOptions<
    K,
    V
  >);
  const produced = () => fake.brokers.flatMap((broker) => broker.of(apis.produce));
  const partition = topic.partitions[0]!;
  return { cluster: fake, topic, partition, producer, produced, clock: fake.world.clock };
}

/** What a promise rejects with; undefined where it resolves. */
export const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
