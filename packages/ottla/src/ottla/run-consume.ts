import { styleText } from "node:util";
import { Admin, Consumer, type Message, type TopicPartition } from "@ottla/client";
import type { ConsumeOptions } from "./command-options.ts";
import { checkReachable, clientSettings, speakingPlainly } from "./connection.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { jsonMessage, shownBytes } from "./message-text.ts";
import { counted, printJson, printLine } from "./output.ts";

/** `ottla consume` */
export function consume(topics: readonly string[], options: ConsumeOptions, context: CommandContext): Promise<void> {
  checkOptions(options);
  return speakingPlainly(async () => {
    const { defaultApiTimeoutMs = options.timeout, retries: _, ...settings } = clientSettings(options, context);
    await using consumer = new Consumer({
      ...settings,
      defaultApiTimeoutMs,
      groupId: options.group,
      autoOffsetReset: options.fromBeginning ? "earliest" : "latest",
      signal: context.terminal.interrupted(),
      allowAutoCreateTopics: false,
    });
    await checkReachable(options, context);
    if (options.group === undefined) await readAlone(consumer, topics, options, context);
    else await readAsMember(consumer, topics, options, context);
  });
}

function checkOptions({ group, partition, offset, untilEnd, fromBeginning }: ConsumeOptions): void {
  if (group !== undefined && (partition !== undefined || offset !== undefined || untilEnd)) {
    throw new CommandError(
      "--partition, --offset and --until-end do not go together with --group: a group has its own places",
    );
  }
  if (offset !== undefined && fromBeginning) throw new CommandError("give --offset or --from-beginning, not both");
}

/** As a member: the group says which partitions, and where they go on. */
async function readAsMember(
  consumer: Consumer,
  topics: readonly string[],
  options: ConsumeOptions,
  context: CommandContext,
): Promise<void> {
  const { terminal } = context;
  const say = (what: string, places: readonly TopicPartition[]) => {
    if (places.length > 0) terminal.complain(`${styleText("dim", `${what} ${named(places)}`)}\n`);
  };
  await consumer.subscribe(topics, {
    onPartitionsAssigned: (places) => say("assigned", places),
    onPartitionsRevoked: (places) => say("revoked", places),
    onPartitionsLost: (places) => say("lost", places),
  });
  const print = printer(topics, options, context);
  let left = options.count ?? Number.POSITIVE_INFINITY;
  for await (const message of consumer) {
    print(message);
    left -= 1;
    if (left > 0) continue;
    // Leaving the loop would leave this message unfinished.
    await consumer.commit();
    break;
  }
}

/** Alone: all partitions, or those that were asked for. */
async function readAlone(
  consumer: Consumer,
  topics: readonly string[],
  options: ConsumeOptions,
  context: CommandContext,
): Promise<void> {
  const places = await selectPartitions(topics, options, context);
  await consumer.assign(places);
  if (options.fromBeginning) consumer.seekToBeginning();
  if (options.offset !== undefined) for (const place of places) consumer.seek({ ...place, offset: options.offset });
  const print = printer(topics, options, context);
  let left = options.count ?? Number.POSITIVE_INFINITY;
  const ends = options.untilEnd ? await openEnds(consumer, places) : null;
  if (ends?.size === 0) return;
  for await (const message of consumer) {
    const end = ends?.get(nameOf(message));
    // What has come since is not asked for.
    if (ends !== null && (end === undefined || message.offset >= end)) continue;
    print(message);
    left -= 1;
    if (end !== undefined && message.offset + 1 >= end) ends?.delete(nameOf(message));
    if (left <= 0 || ends?.size === 0) break;
  }
}

async function selectPartitions(
  topics: readonly string[],
  options: ConsumeOptions,
  context: CommandContext,
): Promise<TopicPartition[]> {
  await using admin = new Admin({ defaultApiTimeoutMs: options.timeout, ...clientSettings(options, context) });
  const described = await admin.describeTopics(topics);
  const all = described.flatMap(({ topic, partitions }) => partitions.map(({ partition }) => ({ topic, partition })));
  const wanted = options.partition;
  if (wanted === undefined) return all;
  for (const { topic, partitions } of described) {
    const missing = wanted.find((partition) => partition >= partitions.length);
    if (missing === undefined) continue;
    throw new CommandError(
      `${topic} has no partition ${missing}: it has ${counted(partitions.length, "partition")}, from 0 on`,
    );
  }
  return all.filter(({ partition }) => wanted.includes(partition));
}

/** Where partitions end that have something to be read. */
async function openEnds(consumer: Consumer, places: readonly TopicPartition[]): Promise<Map<string, number>> {
  const ends = await consumer.endOffsets(places);
  const positions = await Promise.all(places.map((place) => consumer.position(place)));
  const open = ends.filter(({ offset }, index) => (positions[index] ?? 0) < offset);
  return new Map(open.map((end) => [nameOf(end), end.offset]));
}

function printer(
  topics: readonly string[],
  options: ConsumeOptions,
  { terminal }: CommandContext,
): (message: Message) => void {
  if (options.json) return (message) => printJson(terminal, jsonMessage(message));
  return ({ topic, partition, offset, key, value }) => {
    const place = `${topics.length > 1 ? `${topic} ` : ""}partition ${partition} | offset ${offset}`;
    printLine(terminal, `${styleText("dim", place)} | ${shownBytes(key)} | ${shownBytes(value)}`);
  };
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** `orders: 0, 1` */
function named(places: readonly TopicPartition[]): string {
  const topics = Map.groupBy(places, ({ topic }) => topic);
  return [...topics]
    .map(([topic, some]) => `${topic}: ${some.map(({ partition }) => partition).join(", ")}`)
    .join("; ");
}
