/** The smallest simulation that has everything in it: a broker that dies and comes back, a producer, and three members of a group, all of them unchanged. */
import { Admin, Consumer, Producer, string } from "@ottla/client";
import { type Runtime, type SimWorld, sleep } from "@ottla/runtime";
import {
  checkHistory,
  type Fault,
  History,
  partitionKey,
  type Recorder,
  recordMember,
  recordSend,
} from "@ottla/testkit";
import { bootstrapServers, SimSetup } from "../support/sim-setup.ts";

export interface SmokeResult {
  readonly world: SimWorld;
  readonly history: History;
  readonly faults: readonly Fault[];
}

const topic = "orders";
const groupId = "smoke";
const partitions = 6;
const recordCount = 300;
const memberCount = 3;
const codecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** Runs it; the seed decides about everything, also whether the broker's process dies or the machine that it runs on. `sabotage` may do something to the first broker that the checkers should find. */
export async function runSmoke(seed: number, sabotage: (setup: SimSetup) => void = () => {}): Promise<SmokeResult> {
  const history = new History();
  const machineDies = seed % 2 === 0;
  // What a machine's death must not take has to be synced.
  const setup = await SimSetup.start(seed, { flush: machineDies ? "always" : "os", offsetsTopicNumPartitions: 3 });
  sabotage(setup);
  const { world } = setup;
  const { clock, random } = world;
  const adminRuntime = setup.runtime("admin");
  const admin = new Admin({ bootstrapServers, runtime: adminRuntime, clientId: "admin" });
  await setup.until(admin.createTopics([{ topic, partitions }]));

  const producing = produce(
    setup.runtime("producer"),
    { history, clock, process: "producer" },
    random.fork("producer"),
  );
  const members = Array.from({ length: memberCount }, (_, index) => startMember(setup, history, index + 1));

  await clock.runFor(random.between(2000, 6000));
  if (machineDies) setup.server.machine.crash();
  else setup.server.kill();
  history.add({ type: "crash", process: "broker", timeMs: clock.monotonic() });
  await clock.runFor(random.between(10, 2000));
  await setup.startBroker();
  const recorder = { history, clock, process: "admin" };
  await setup.until(readCommitted(admin, recorder));

  await setup.until(producing);
  await setup.until(untilDrained(admin, recorder, adminRuntime));
  await setup.until(Promise.all(members.map(({ stop }) => stop())));
  await setup.until(admin.close());
  await setup.until(setup.broker.close());
  return { world, history, faults: checkHistory(history, { drained: true }) };
}

async function produce(
  runtime: Runtime,
  recorder: Recorder,
  random: { integer(below: number): number },
): Promise<void> {
  // Codecs of every make: whatever compressed on threads would show in the order of events.
  const compression = codecs[random.integer(codecs.length)]!;
  const producer = new Producer({ bootstrapServers, runtime, clientId: recorder.process, compression });
  const sending: Promise<unknown>[] = [];
  for (let n = 0; n < recordCount; n++) {
    sending.push(recordSend(recorder, producer, { topic, partition: random.integer(partitions) }, `value ${n}`));
    await sleep(runtime.clock, random.integer(50));
  }
  await Promise.all(sending);
  await producer.close();
}

function startMember(setup: SimSetup, history: History, number: number): { stop: () => Promise<void> } {
  const process = `member ${number}`;
  const runtime = setup.runtime(`member-${number}`);
  const consumer = new Consumer({
    bootstrapServers,
    runtime,
    clientId: `member-${number}`,
    groupId,
    value: string,
    autoOffsetReset: "earliest",
    enableAutoCommit: false,
    logger: setup.logger(process),
  });
  const work = () => sleep(runtime.clock, 1 + Math.floor(runtime.random.float() * 20));
  const running = recordMember({ history, clock: runtime.clock, process }, consumer, { topics: [topic], work });
  return {
    async stop() {
      await consumer.close();
      await running;
    },
  };
}

const places = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));

/** Writes down what the group has committed, and returns it. */
async function readCommitted(admin: Admin, { history, clock, process }: Recorder): Promise<Record<string, number>> {
  const startedMs = clock.monotonic();
  const offsets: Record<string, number> = {};
  for (const { offset, ...place } of await admin.listGroupOffsets(groupId, places)) {
    if (offset !== null) offsets[partitionKey(place)] = offset;
  }
  history.add({ type: "committed", process, timeMs: clock.monotonic(), group: groupId, offsets, startedMs });
  return offsets;
}

/** Waits until the group has committed everything. */
async function untilDrained(admin: Admin, recorder: Recorder, { clock }: Runtime): Promise<void> {
  for (;;) {
    const committed = await readCommitted(admin, recorder);
    const ends = await admin.listOffsets(places.map((place) => ({ ...place, at: "latest" as const })));
    if (ends.every(({ offset, ...place }) => (committed[partitionKey(place)] ?? 0) === offset)) return;
    await sleep(clock, 500);
  }
}
