/** A cluster whose brokers stop, die and come back while a producer sends and up to three members of a group read: everything unchanged, on simulated time. */
import { Admin, Consumer, type ConsumerOptions, Producer, string } from "@ottla/client";
import { type Runtime, type SimWorld, simWorld, sleep } from "@ottla/runtime";
import {
  Cluster,
  checkHistory,
  cutConnections,
  type Fault,
  History,
  partitionKey,
  type Recorder,
  recordMember,
  recordSend,
} from "@ottla/testkit";

export interface ClusterRun {
  readonly world: SimWorld;
  readonly history: History;
  readonly faults: readonly Fault[];
  /** How many brokers stopped or died. */
  readonly failures: number;
}

const topic = "orders";
const groupId = "billing";
const partitions = 6;
const recordCount = 300;
const places = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));

/** How members take part in the group. */
export type MemberSettings = Pick<ConsumerOptions<Buffer, string>, "groupProtocol" | "partitionAssignmentStrategy">;

/** Runs it; the seed decides about everything. */
export async function runCluster(seed: number, settings: MemberSettings = {}): Promise<ClusterRun> {
  const world = simWorld(seed);
  const { clock } = world;
  const history = new History();
  const until = <T>(promise: Promise<T>) => clock.until(promise);
  const server = world.machine("server").start().runtime;
  const options = { runtime: server, host: "server", port: 9092, offsetsTopicNumPartitions: 5 };
  const cluster = await until(Cluster.start({ brokers: 3, defaultReplicationFactor: 3, ...options }));
  const { bootstrapServers } = cluster;
  const runtimeOf = (machine: string) => world.machine(machine).start().runtime;
  const adminRuntime = runtimeOf("admin");
  const admin = new Admin({ bootstrapServers, runtime: adminRuntime, clientId: "admin" });
  await until(admin.createTopics([{ topic, partitions }]));
  const producing = produce(bootstrapServers, runtimeOf("producer"), history);
  const join = (number: number) => {
    const runtime = runtimeOf(`member-${number}`);
    return startMember({ ...settings, bootstrapServers, runtime }, history, number);
  };
  const members = [join(1), join(2)];
  const changing = changeMembers(members, () => join(3), server);
  const failures = await until(failAndRecover(cluster, server));
  await until(Promise.all([producing, changing]));
  const recorder = { history, clock, process: "admin" };
  await until(untilDrained(admin, recorder, adminRuntime));
  await until(Promise.all(members.map((stop) => stop())));
  await until(admin.close());
  await until(cluster.close());
  return { world, history, faults: checkHistory(history, { drained: true }), failures };
}

/** While all that goes on a member joins and another one leaves. */
async function changeMembers(
  members: (() => Promise<void>)[],
  join: () => () => Promise<void>,
  { clock, random }: Runtime,
): Promise<void> {
  await sleep(clock, random.integer(12_000));
  members.push(join());
  await sleep(clock, random.integer(12_000));
  await members.shift()!();
}

/** Connections to a broker are cut, all or a member's; one broker after the other, and now and then two at a time, stops or dies; all comes back. */
async function failAndRecover(cluster: Cluster, { clock, random }: Runtime): Promise<number> {
  let failures = 0;
  for (let round = 0; round < 5; round++) {
    await sleep(clock, 500 + random.integer(3000));
    const how = random.integer(2) === 0 ? "refuse" : "swallow";
    const whose = random.integer(2) === 0 ? { clientId: `member-${1 + random.integer(3)}` } : {};
    const cut = cutConnections(cluster.brokers[random.integer(3)]!, { how, ...whose });
    await sleep(clock, random.integer(4000));
    const first = random.integer(3);
    const victims = random.integer(4) === 0 ? [first, (first + 1) % 3] : [first];
    for (const index of victims) {
      const broker = cluster.brokers[index]!;
      if (random.integer(3) === 0) await broker.stop();
      else await broker.kill({ noticedAfterMs: random.integer(2) * random.integer(3000) });
      failures++;
    }
    await sleep(clock, random.integer(4000));
    cut.heal();
    for (const index of victims) await cluster.brokers[index]!.start();
    if (random.integer(2) === 0) await cluster.electPreferredLeaders();
  }
  return failures;
}

async function produce(bootstrapServers: string, runtime: Runtime, history: History): Promise<void> {
  const recorder = { history, clock: runtime.clock, process: "producer" };
  const producer = new Producer({ bootstrapServers, runtime, clientId: "producer" });
  const sending: Promise<unknown>[] = [];
  for (let n = 0; n < recordCount; n++) {
    const partition = runtime.random.integer(partitions);
    sending.push(recordSend(recorder, producer, { topic, partition }, `value ${n}`));
    await sleep(runtime.clock, runtime.random.integer(60));
  }
  await Promise.all(sending);
  await producer.close();
}

function startMember(
  options: MemberSettings & { readonly bootstrapServers: string; readonly runtime: Runtime },
  history: History,
  number: number,
) {
  const { runtime } = options;
  const process = `member ${number}`;
  const consumer = new Consumer({
    ...{ ...options, groupId, value: string, clientId: `member-${number}` },
    ...{ autoOffsetReset: "earliest", enableAutoCommit: false },
  });
  const work = () => sleep(runtime.clock, 1 + runtime.random.integer(20));
  const running = recordMember({ history, clock: runtime.clock, process }, consumer, { topics: [topic], work });
  return async () => {
    await consumer.close();
    await running;
  };
}

/** Waits until the group has committed everything. */
async function untilDrained(admin: Admin, { history, process }: Recorder, { clock }: Runtime): Promise<void> {
  for (;;) {
    const startedMs = clock.monotonic();
    const offsets: Record<string, number> = {};
    for (const { offset, ...place } of await admin.listGroupOffsets(groupId, places)) {
      if (offset !== null) offsets[partitionKey(place)] = offset;
    }
    history.add({ type: "committed", process, timeMs: clock.monotonic(), group: groupId, offsets, startedMs });
    const ends = await admin.listOffsets(places.map((place) => ({ ...place, at: "latest" as const })));
    if (ends.every(({ offset, ...place }) => (offsets[partitionKey(place)] ?? 0) === offset)) return;
    await sleep(clock, 500);
  }
}
