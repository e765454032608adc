/** One round of `steady-groups.ts` in a process of its own. Arguments: bootstrap servers, the broker's process id; prints the broker's share of a core as JSON. */
import { setTimeout as pause } from "node:timers/promises";
import { Admin } from "@ottla/client";
import { apis, consumerProtocolSubscription, encodeStored } from "@ottla/protocol";
import { nodeRuntime } from "@ottla/runtime";
import { RawClient } from "../test/support/raw-client.ts";
import { cpuSeconds } from "./measure.ts";

const [groups, perGroup, seconds] = [1000, 10, 20];
const [bootstrapServers = "", pidText = ""] = process.argv.slice(2);
const pid = Number(pidText);
const [host = "", port = ""] = bootstrapServers.split(":");
const topic = "steady-groups";
const run = process.pid;

interface Member {
  readonly client: RawClient;
  readonly groupId: string;
  readonly memberId: string;
  epoch: number;
  /** What the coordinator assigned last and has not been told of yet (consumer protocol). */
  news: readonly { topicId: string; partitions: readonly number[] }[] | null;
}

function expectNone(errorCode: number, what: string): void {
  if (errorCode !== 0) throw new Error(`${what} was answered with error ${errorCode}`);
}

/** A coordinator may be loading when it is first asked. */
async function coordinatorIsThere(client: RawClient, groupId: string): Promise<void> {
  for (;;) {
    const answer = await client.request(apis.findCoordinator, { keyType: 0, coordinatorKeys: [groupId] });
    if (answer.coordinators[0]?.errorCode === 0) return;
    await pause(50);
  }
}

/** Everybody joins until all are of one generation; who is ahead hears of another round by its heartbeats. */
async function classicGroup(clients: readonly RawClient[], groupId: string): Promise<Member[]> {
  await coordinatorIsThere(clients[0]!, groupId);
  const ids = await Promise.all(clients.map((client) => newMemberId(client, groupId)));
  const members = clients.map((client, n) => ({ client, groupId, memberId: ids[n]!, epoch: -1, news: null }));
  const isWhole = () => members.every(({ epoch }) => epoch > 0 && epoch === members[0]!.epoch);
  await Promise.all(
    members.map(async (member) => {
      while (!isWhole()) {
        await joinAndSync(member);
        do await pause(20);
        while (!isWhole() && (await heartbeat(member)) === 0);
      }
    }),
  );
  return members;
}

async function newMemberId(client: RawClient, groupId: string): Promise<string> {
  for (;;) {
    const { memberId } = await client.request(apis.joinGroup, joinRequest(groupId, ""));
    if (memberId !== "") return memberId;
    await pause(50);
  }
}

function joinRequest(groupId: string, memberId: string) {
  const subscription = { topics: [topic], userData: null, ownedPartitions: [], generationId: -1, rackId: null };
  const protocols = [{ name: "range", metadata: encodeStored(3, consumerProtocolSubscription, subscription) }];
  const timeouts = { sessionTimeoutMs: 300_000, rebalanceTimeoutMs: 300_000 };
  return { groupId, ...timeouts, memberId, protocolType: "consumer", protocols };
}

async function joinAndSync(member: Member): Promise<void> {
  const { client, groupId, memberId } = member;
  const { errorCode, generationId, members } = await client.request(apis.joinGroup, joinRequest(groupId, memberId));
  // The coordinator is still loading.
  if (errorCode === 14) return;
  expectNone(errorCode, "JoinGroup");
  const sync = await client.request(apis.syncGroup, {
    groupId,
    generationId,
    memberId,
    protocolType: "consumer",
    protocolName: "range",
    assignments: members.map((each) => ({ memberId: each.memberId, assignment: Buffer.alloc(0) })),
  });
  // Otherwise somebody else has joined meanwhile.
  if (sync.errorCode === 0) member.epoch = generationId;
}

async function consumerGroup(clients: readonly RawClient[], groupId: string): Promise<Member[]> {
  await coordinatorIsThere(clients[0]!, groupId);
  const members = clients.map((client, n) => ({ client, groupId, memberId: `${groupId}-${n}`, epoch: 0, news: [] }));
  await Promise.all(members.map((member) => consumerBeat(member, [topic])));
  return members;
}

async function heartbeat({ client, groupId, memberId, epoch }: Member): Promise<number> {
  const { errorCode } = await client.request(apis.heartbeat, { groupId, generationId: epoch, memberId });
  return errorCode;
}

async function classicBeat(member: Member): Promise<void> {
  expectNone(await heartbeat(member), "Heartbeat");
}

async function consumerBeat(member: Member, topics: string[] | null = null): Promise<void> {
  const { client, groupId, memberId, epoch, news } = member;
  const answer = await client.request(apis.consumerGroupHeartbeat, {
    groupId,
    memberId,
    memberEpoch: epoch,
    rebalanceTimeoutMs: topics === null ? -1 : 60_000,
    subscribedTopicNames: topics,
    serverAssignor: null,
    topicPartitions: news?.map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] })) ?? null,
  });
  expectNone(answer.errorCode, "ConsumerGroupHeartbeat");
  member.epoch = answer.memberEpoch;
  member.news = answer.assignment?.topicPartitions ?? null;
}

async function commit({ client, groupId, memberId, epoch }: Member, offset: number): Promise<void> {
  const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata: "" }];
  const body = { groupId, generationIdOrMemberEpoch: epoch, memberId, topics: [{ name: topic, partitions }] };
  const answer = await client.request(apis.offsetCommit, body, 9);
  expectNone(answer.topics[0]!.partitions[0]!.errorCode, "OffsetCommit");
}

/** Every member does `act` once per `everyMs`, spread evenly. Returns a stop that waits for what is under way. */
function pace(members: readonly Member[], everyMs: number, act: (member: Member) => Promise<void>) {
  const tickMs = 20;
  const started = performance.now();
  let done = 0;
  let last: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - started) * members.length) / everyMs);
    const beats: Promise<void>[] = [];
    for (; done < due; done++) beats.push(act(members[done % members.length]!));
    last = Promise.all([last, ...beats]);
    last.catch((error) => {
      console.error(error);
      process.exit(1);
    });
  }, tickMs);
  return async () => {
    clearInterval(timer);
    await last;
  };
}

async function shareOfCore(work: readonly (() => () => Promise<void>)[]): Promise<number> {
  const stops = work.map((start) => start());
  await pause(5000);
  const [before, started] = [cpuSeconds(pid), performance.now()];
  await pause(seconds * 1000);
  const share = (cpuSeconds(pid) - before) / ((performance.now() - started) / 1000);
  await Promise.all(stops.map((stop) => stop()));
  return share;
}

/** All groups are formed some at a time, on a connection per member; those that are there keep up their heartbeats. */
async function form(
  kind: string,
  make: (clients: RawClient[], groupId: string) => Promise<Member[]>,
  beat: (member: Member) => Promise<void>,
) {
  const { network } = nodeRuntime();
  const members: Member[] = [];
  let beatAt = performance.now();
  const atOnce = 20;
  for (let group = 0; group < groups; group += atOnce) {
    const some = Array.from({ length: atOnce }, async (_, n) => {
      const connections = Array.from({ length: perGroup }, () => RawClient.connect(network, host, Number(port)));
      return make(await Promise.all(connections), `steady-${run}-${kind}-${group + n}`);
    });
    for (const made of await Promise.all(some)) members.push(...made);
    if (performance.now() - beatAt < 5000) continue;
    beatAt = performance.now();
    await Promise.all(members.map(beat));
  }
  return members;
}

{
  await using admin = new Admin({ bootstrapServers });
  const existing = await admin.listTopics();
  if (!existing.includes(topic)) await admin.createTopics([{ topic, partitions: 10 }]);
}
const classic = await form("classic", classicGroup, classicBeat);
const beats = () => pace(classic, 3000, classicBeat);
const heartbeats = await shareOfCore([beats]);
const commits = await shareOfCore([beats, () => pace(classic, 5000, (member) => commit(member, 1))]);
for (const { client } of classic) client.close();
const consumer = await form("consumer", consumerGroup, (member) => consumerBeat(member));
for (let round = 0; round < 3 || consumer.some(({ news }) => news !== null); round++) {
  await Promise.all(consumer.map((member) => consumerBeat(member)));
}
const consumerHeartbeats = await shareOfCore([() => pace(consumer, 5000, (member) => consumerBeat(member))]);
console.log(JSON.stringify({ heartbeats, commits, consumerHeartbeats }));
process.exit(0);
