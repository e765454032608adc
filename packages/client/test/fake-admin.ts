import { type Api, apis, type ResponseInput } from "@ottla/protocol";
import { Admin } from "../src/admin/admin.ts";
import type { AdminOptions } from "../src/admin/admin-config.ts";
import type { KafkaError } from "../src/errors.ts";
import type { Heard } from "./fake-broker.ts";
import { FakeCluster } from "./fake-cluster.ts";

export interface AdminWorld {
  readonly cluster: FakeCluster;
  readonly admin: Admin;
  /** What the promise settles with, in the world's time. */
  until<T>(promise: Promise<T>): Promise<T>;
  /** What the promise rejects with. */
  failure(promise: Promise<unknown>): Promise<KafkaError>;
  /** Scripts an API at every broker; the handler hears which one was asked. */
  on<A extends Api>(api: A, handler: (request: Heard<A>, nodeId: number) => ResponseInput<A>): void;
}

/** An admin on scripted brokers. */
export async function adminWorld(
  options: { brokers?: number; admin?: Partial<AdminOptions> } = {},
): Promise<AdminWorld> {
  const cluster = await FakeCluster.start({ brokers: options.brokers ?? 1 });
  const { runtime } = cluster.client;
  const admin = new Admin({ bootstrapServers: cluster.bootstrapServers, runtime, ...options.admin });
  return {
    cluster,
    admin,
    until: (promise) => cluster.until(promise),
    failure: (promise) =>
      cluster.until(
        promise.then(
          () => {
            throw new Error("It did not fail");
          },
          (error) => error,
        ),
      ),
    on: (api, handler) => {
      for (const [index, broker] of cluster.brokers.entries())
        broker.on(api, (request) => handler(request as never, index + 1));
    },
  };
}

/** Answers FindCoordinator, in either of its forms, by `nodeOf`. */
export function coordinate(world: AdminWorld, nodeOf: (groupId: string) => number): void {
  world.on(apis.findCoordinator, ({ body, version }) => {
    const found = (key: string) => {
      const nodeId = nodeOf(key);
      return nodeId < 0
        ? { key, nodeId: -1, host: "", port: -1, errorCode: 15, errorMessage: null }
        : { key, nodeId, host: `broker${nodeId}`, port: 9092, errorCode: 0, errorMessage: null };
    };
    return version >= 4 ? { coordinators: body.coordinatorKeys.map(found) } : { ...found(body.key), coordinators: [] };
  });
}

/** Which brokers were asked, in the order of their ids, and how often. */
export function askedOf(world: AdminWorld, api: Api): number[] {
  return world.cluster.brokers.map((broker) => broker.of(api).length);
}
