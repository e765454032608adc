/**
 * What a client does to a broker in the proof of its durability, step by step: one of everything that has to survive. Each step writes down before it begins what may become true, and what is true once it was acknowledged.
 */
import { apis, errorCodes } from "@ottla/protocol";
import { batchOf, produce, type RawClient, type ReadRecord, readAll } from "../support/raw-client.ts";
import type { Ledger } from "./ledger.ts";

/** Who plays the script, and what it knows. */
export interface Player {
  readonly client: RawClient;
  readonly ledger: Ledger;
  readonly nowMs: () => number;
  /** Values that were sent to a partition, and where they were acknowledged (-1: not). */
  readonly sent: Map<string, Map<string, number>>;
  /** The producer that is in use; null until one is made, and when nobody can rely on it any more. */
  producer: { readonly id: number; readonly sequences: Map<string, number> } | null;
}

/** A step; its answer is the error code that it met. Played again where nobody knows what became of it. */
export interface Step {
  readonly name: string;
  /** Codes that a second try may meet because of the first. */
  readonly again?: readonly number[];
  readonly play: (player: Player) => Promise<number>;
}

export const topics = ["plain", "compacted", "short-lived"] as const;
const group = "group";

const allConfigs: Record<string, readonly { name: string; value: string }[]> = {
  plain: [{ name: "retention.ms", value: "86400000" }],
  compacted: [
    { name: "cleanup.policy", value: "compact" },
    { name: "segment.ms", value: "1000" },
    { name: "min.cleanable.dirty.ratio", value: "0.01" },
  ],
};

function createTopic(name: string, partitions: number): Step {
  return {
    name: `create ${name}`,
    again: [errorCodes.TOPIC_ALREADY_EXISTS],
    async play({ client, ledger }) {
      const configs = allConfigs[name] ?? [];
      ledger.trying(`partitions of ${name}`, partitions);
      for (const config of configs) ledger.trying(`${config.name} of ${name}`, config.value);
      const topic = { name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs };
      const answer = await client.request(apis.createTopics, { topics: [topic], timeoutMs: 1000 });
      const code = answer.topics[0]!.errorCode;
      if (code !== 0 && code !== errorCodes.TOPIC_ALREADY_EXISTS) return code;
      ledger.done(`partitions of ${name}`, partitions);
      for (const config of configs) ledger.done(`${config.name} of ${name}`, config.value);
      return code;
    },
  };
}

function deleteTopic(name: string): Step {
  return {
    name: `delete ${name}`,
    again: [errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    async play({ client, ledger }) {
      ledger.trying(`partitions of ${name}`, "nothing");
      const answer = await client.request(apis.deleteTopics, { topicNames: [name], timeoutMs: 1000 }, 5);
      const code = answer.responses[0]!.errorCode;
      if (code === 0 || code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) ledger.done(`partitions of ${name}`, "nothing");
      return code;
    },
  };
}

function growTopic(name: string, count: number): Step {
  return {
    name: `grow ${name}`,
    again: [errorCodes.INVALID_PARTITIONS],
    async play({ client, ledger }) {
      ledger.trying(`partitions of ${name}`, count);
      const topic = { name, count, assignments: null };
      const body = { topics: [topic], timeoutMs: 1000, validateOnly: false };
      const code = (await client.request(apis.createPartitions, body)).results[0]!.errorCode;
      if (code === 0 || code === errorCodes.INVALID_PARTITIONS) ledger.done(`partitions of ${name}`, count);
      return code;
    },
  };
}

function configure(name: string, config: string, value: string): Step {
  return {
    name: `set ${config} of ${name}`,
    async play({ client, ledger }) {
      ledger.trying(`${config} of ${name}`, value);
      const configs = [{ name: config, configOperation: 0, value }];
      const resources = [{ resourceType: 2, resourceName: name, configs }];
      const answer = await client.request(apis.incrementalAlterConfigs, { resources, validateOnly: false });
      const code = answer.responses[0]!.errorCode;
      if (code === 0) ledger.done(`${config} of ${name}`, value);
      return code;
    },
  };
}

/** Sends a batch as an idempotent producer, with values that no other step sends. */
function send(topic: string, partition: number, step: string, keys: readonly (string | null)[]): Step {
  const values = keys.map((_, index) => `${step}/${index}`);
  return {
    name: `send ${step}`,
    again: [errorCodes.DUPLICATE_SEQUENCE_NUMBER],
    async play(player) {
      const { client, ledger, sent, nowMs } = player;
      if (player.producer === null) {
        const body = { transactionalId: null, transactionTimeoutMs: 60_000 };
        const answer = await client.request(apis.initProducerId, body);
        if (answer.errorCode !== 0) return answer.errorCode;
        ledger.trying(`producer id ${answer.producerId}`, "given out");
        player.producer = { id: answer.producerId, sequences: new Map() };
      }
      const key = `${topic}-${partition}`;
      const { id, sequences } = player.producer;
      const baseSequence = sequences.get(key) ?? 0;
      const sequence = { producerId: id, producerEpoch: 0, baseSequence };
      const known = sent.get(key) ?? new Map<string, number>();
      sent.set(key, known);
      for (const [index, value] of values.entries()) {
        if (!known.has(value)) known.set(value, -1);
        if (keys[index] !== null) ledger.trying(`${keys[index]} in ${key}`, value);
      }
      const records = values.map((value, index) => [keys[index]!, value] as const);
      const { errorCode, baseOffset } = await produce(client, topic, partition, batchOf(records, nowMs(), sequence));
      if (errorCode !== 0 && errorCode !== errorCodes.DUPLICATE_SEQUENCE_NUMBER) return errorCode;
      for (const [index, value] of values.entries()) {
        if (baseOffset >= 0) known.set(value, baseOffset + index);
        if (keys[index] !== null) ledger.done(`${keys[index]} in ${key}`, value);
      }
      sequences.set(key, baseSequence + values.length);
      return errorCode;
    },
  };
}

function commit(topic: string, partition: number, offset: number): Step {
  const fact = `committed of ${topic}-${partition}`;
  return {
    name: `commit ${offset} of ${topic}-${partition}`,
    async play({ client, ledger }) {
      const body = { keyType: 0, coordinatorKeys: [group] };
      const found = await client.request(apis.findCoordinator, body);
      // Makes the group's topic where it is missing, and then says that it is not ready yet.
      if (found.coordinators[0]!.errorCode !== 0) return found.coordinators[0]!.errorCode;
      ledger.trying(fact, offset);
      const partitions = [{ partitionIndex: partition, committedOffset: offset, committedMetadata: "" }];
      const answer = await client.request(
        apis.offsetCommit,
        { groupId: group, memberId: "", topics: [{ name: topic, partitions }] },
        9,
      );
      const code = answer.topics[0]!.partitions[0]!.errorCode;
      if (code === 0) ledger.done(fact, offset);
      return code;
    },
  };
}

function deleteBefore(topic: string, partition: number, offset: number): Step {
  const fact = `start of ${topic}-${partition}`;
  return {
    name: `delete records of ${topic}-${partition} before ${offset}`,
    async play({ client, ledger }) {
      ledger.trying(fact, offset);
      const partitions = [{ partitionIndex: partition, offset }];
      const answer = await client.request(apis.deleteRecords, {
        topics: [{ name: topic, partitions }],
        timeoutMs: 1000,
      });
      const code = answer.topics[0]!.partitions[0]!.errorCode;
      if (code === 0) ledger.done(fact, offset);
      return code;
    },
  };
}

/** Lets the broker's housekeeping have its turn: checkpoints, retention, compaction. */
export const pause: Step = { name: "pause", play: async () => 0 };

const compactedKeys = ["x", "y", "z"] as const;
const nobody = [null, null, null];

export const script: readonly Step[] = [
  createTopic("plain", 2),
  send("plain", 0, "a", nobody),
  send("plain", 1, "b", nobody),
  commit("plain", 0, 1),
  createTopic("compacted", 1),
  send("compacted", 0, "c", ["x", "y", "z"]),
  pause,
  send("compacted", 0, "d", ["x", "y", "y"]),
  configure("plain", "retention.ms", "172800000"),
  send("plain", 0, "e", nobody),
  commit("plain", 0, 3),
  createTopic("short-lived", 1),
  send("short-lived", 0, "f", nobody),
  growTopic("plain", 3),
  send("plain", 2, "g", nobody),
  pause,
  send("compacted", 0, "h", ["x", "z"]),
  deleteTopic("short-lived"),
  deleteBefore("plain", 0, 2),
  commit("plain", 0, 4),
  commit("plain", 1, 1),
  send("plain", 0, "i", nobody),
  pause,
];

/** What is no fault at the moment. */
export interface Leniency {
  /** Partitions may say that they are offline. */
  readonly offline?: boolean;
  /** Records, commits and deletions may be lost, as long as what is there is what was there before. What is found is what counts from then on. */
  readonly loss?: boolean;
}

/** Compares what the broker shows with what it has acknowledged. */
export async function verify(player: Player, leniency: Leniency = {}): Promise<string[]> {
  const faults: string[] = [];
  const note = (fault: string | null) => {
    if (fault !== null) faults.push(fault);
  };
  for (const topic of topics) {
    const count = await partitionCount(player.client, topic);
    note(player.ledger.check(`partitions of ${topic}`, count));
    if (count === "nothing") continue;
    for (const fault of await verifyConfigs(player, topic)) note(fault);
    for (let partition = 0; partition < count; partition++) {
      for (const fault of await verifyPartition(player, topic, partition, leniency)) note(fault);
    }
  }
  for (const fault of await verifyCommits(player, leniency)) note(fault);
  return faults;
}

async function partitionCount(client: RawClient, topic: string): Promise<number | "nothing"> {
  const answer = await client.request(apis.metadata, { topics: [{ name: topic }], allowAutoTopicCreation: false });
  const found = answer.topics[0]!;
  return found.errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION ? "nothing" : found.partitions.length;
}

async function verifyConfigs({ client, ledger }: Player, topic: string): Promise<(string | null)[]> {
  const resources = [{ resourceType: 2, resourceName: topic, configurationKeys: null }];
  const answer = await client.request(apis.describeConfigs, { resources });
  const found = new Map(answer.results[0]!.configs.map(({ name, value }) => [name, value]));
  return (allConfigs[topic] ?? []).map(({ name }) => ledger.check(`${name} of ${topic}`, found.get(name)));
}

async function verifyPartition(
  player: Player,
  topic: string,
  partition: number,
  leniency: Leniency,
): Promise<(string | null)[]> {
  const key = `${topic}-${partition}`;
  const { errorCode, logStartOffset, records } = await readAll(player.client, topic, partition);
  if (errorCode === errorCodes.KAFKA_STORAGE_ERROR && leniency.offline === true) return [];
  if (errorCode !== 0) return [`${key} cannot be read: ${errorCode}`];
  if (leniency.loss === true) adopt(player, key, logStartOffset, records);
  const sent = player.sent.get(key) ?? new Map<string, number>();
  if (topic === "compacted") return verifyLatest(player, key, records);
  const start = logStartOffset === 0 ? "nothing" : logStartOffset;
  const faults: (string | null)[] = [player.ledger.check(`start of ${key}`, start)];
  const offsets = new Map<string, number>();
  for (const { offset, value } of records) {
    const text = String(value);
    const known = sent.get(text);
    if (known === undefined) faults.push(`${key}: ${text} at ${offset} was never sent`);
    else if (known >= 0 && known !== offset)
      faults.push(`${key}: ${text} stands at ${offset}, acknowledged at ${known}`);
    if (offsets.has(text)) faults.push(`${key}: ${text} stands at ${offsets.get(text)} and ${offset}`);
    offsets.set(text, offset);
  }
  for (const [value, offset] of sent) {
    if (offset >= logStartOffset && !offsets.has(value))
      faults.push(`${key}: ${value}, acknowledged at ${offset}, is lost`);
  }
  for (const [index, { offset }] of records.entries()) {
    if (index > 0 && offset !== records[index - 1]!.offset + 1) faults.push(`${key}: a hole before ${offset}`);
  }
  return faults;
}

/** From now on what was lost was never there. */
function adopt({ ledger, sent }: Player, key: string, logStartOffset: number, records: readonly ReadRecord[]): void {
  const found = new Map(records.map(({ offset, value }) => [String(value), offset]));
  const before = sent.get(key) ?? new Map<string, number>();
  // A value in another place than the one that was acknowledged is still a fault.
  sent.set(key, new Map([...before].map(([value, offset]) => [value, found.has(value) ? offset : -1])));
  ledger.done(`start of ${key}`, logStartOffset === 0 ? "nothing" : logStartOffset);
  for (const record of records) if (record.key !== null) ledger.done(`${record.key} in ${key}`, record.value);
  for (const name of compactedKeys) {
    if (!records.some((record) => record.key === name)) ledger.done(`${name} in ${key}`, "nothing");
  }
}

function verifyLatest({ ledger }: Player, key: string, records: readonly ReadRecord[]): (string | null)[] {
  const latest = new Map(records.map((record) => [record.key, record.value]));
  return compactedKeys.map((name) => ledger.check(`${name} in ${key}`, latest.get(name) ?? "nothing"));
}

async function verifyCommits({ client, ledger }: Player, { offline, loss }: Leniency): Promise<(string | null)[]> {
  const topics = [{ name: "plain", partitionIndexes: [0, 1] }];
  const answer = await client.request(apis.offsetFetch, { groups: [{ groupId: group, topics }] }, 9);
  const found = answer.groups[0]!;
  if (found.errorCode !== 0) return offline ? [] : [`the group's offsets cannot be read: ${found.errorCode}`];
  return found.topics[0]!.partitions.map(({ partitionIndex, committedOffset }) => {
    const fact = `committed of plain-${partitionIndex}`;
    const value = committedOffset === -1 ? "nothing" : committedOffset;
    if (loss) ledger.done(fact, value);
    return ledger.check(fact, value);
  });
}
