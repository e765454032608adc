/** `kafka-consumer-groups --reset-offsets`. */
import { AdminError, type ListedOffset, type OffsetSpec, settle, type TopicPartition } from "@ottla/client";
import { DiskError } from "@ottla/runtime";
import { type GroupContext, printError } from "./group-context.ts";
import { selectGroups } from "./group-describe.ts";
import { type ResetScenario, resetScenario } from "./group-options.ts";
import { type ResetRow, resetTable } from "./group-tables.ts";
import { parseDateTime, parseDuration } from "./java-time.ts";
import { executionFailure } from "./java-words.ts";
import { UsageError } from "./option-parser.ts";
import { parseResetCsv, resetCsv } from "./reset-file.ts";
import { parseTopicArguments } from "./topic-arguments.ts";

type Placed = TopicPartition & { readonly offset: number };

export async function resetOffsets(context: GroupContext): Promise<void> {
  const { admin, options, terminal, timeoutMs } = context;
  // Numbers that are none are found before anything is asked of a broker.
  const given = { offset: options.number("to-offset"), shift: options.number("shift-by") };
  const groupIds = await selectGroups(context);
  const described = await settle(groupIds, admin.describeGroups(groupIds, { timeoutMs }));
  const rows: ResetRow[] = [];
  for (const { item: group, value, error } of described) {
    if (error !== null && error.code !== "GROUP_ID_NOT_FOUND") throw executionFailure(error);
    const state = value?.state ?? "Dead";
    if (state !== "Empty" && state !== "Dead") {
      printError(
        terminal,
        `Assignments can only be reset if the group '${group}' is inactive, but the current state is ${state}.`,
      );
      continue;
    }
    const reset = await new GroupReset(context, group, given).run();
    rows.push(...reset.sort(byPartition).map((it) => ({ group, ...it })));
  }
  if (options.has("export")) terminal.write(`${resetCsv(options.values("group"), rows)}\n`);
  else terminal.write(resetTable(groupIds, rows));
}

/** The new offsets of one group. */
class GroupReset {
  private readonly context: GroupContext;
  private readonly group: string;
  private readonly given: { readonly offset: number | undefined; readonly shift: number | undefined };

  constructor(context: GroupContext, group: string, given: { offset: number | undefined; shift: number | undefined }) {
    this.context = context;
    this.group = group;
    this.given = given;
  }

  /** Works out the new offsets and, with `--execute`, commits them. */
  async run(): Promise<Placed[]> {
    const { admin, options, timeoutMs } = this.context;
    const partitions = await this.selectPartitions();
    await this.checkPartitions(partitions);
    const offsets = await this.offsetsOf(resetScenario(options), partitions);
    if (options.has("execute")) await admin.alterGroupOffsets(this.group, offsets, { timeoutMs });
    return offsets;
  }

  private async selectPartitions(): Promise<readonly TopicPartition[]> {
    const { admin, options, timeoutMs } = this.context;
    if (options.has("all-topics")) return this.committed();
    if (options.has("topic")) {
      const { partitions, topics } = parseTopicArguments(options.values("topic"));
      const described = await admin.describeTopics(topics, { timeoutMs });
      const whole = described.flatMap(({ topic, partitions: all }) =>
        all.map(({ partition }) => ({ topic, partition })),
      );
      return [...partitions, ...whole];
    }
    if (options.has("from-file")) return [];
    throw new UsageError("One of the reset scopes should be defined: --all-topics, --topic.", { withUsage: true });
  }

  /** Every partition has to be there and to have a leader. */
  private async checkPartitions(partitions: readonly TopicPartition[]): Promise<void> {
    const { admin, timeoutMs } = this.context;
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const described = await admin.describeTopics(topics, { timeoutMs }).catch((error: unknown) => {
      throw executionFailure(error);
    });
    const leaders = new Map(
      described.flatMap(({ topic, partitions: all }) =>
        all.map(({ partition, leader }) => [nameOf({ topic, partition }), leader] as const),
      ),
    );
    const names = partitions.map(nameOf);
    const missing = names.filter((name) => !leaders.has(name));
    if (missing.length > 0) throw new Error(`The partitions "${missing.join(",")}" do not exist`);
    const leaderless = names.filter((name) => leaders.get(name) === null);
    if (leaderless.length > 0) throw new Error(`The partitions "${leaderless.join(",")}" have no leader`);
  }

  private async offsetsOf(scenario: ResetScenario, partitions: readonly TopicPartition[]): Promise<Placed[]> {
    const { options, runtime } = this.context;
    switch (scenario) {
      case "to-offset":
        return this.clamp(partitions.map((it) => ({ ...it, offset: this.given.offset ?? 0 })));
      case "to-earliest":
        return this.list(partitions, "earliest");
      case "to-latest":
        return this.list(partitions, "latest");
      case "shift-by":
        return this.clamp(await this.shifted(partitions));
      case "to-datetime":
        return this.atTime(partitions, parseDateTime(options.value("to-datetime") ?? ""));
      case "by-duration":
        return this.atTime(partitions, runtime.clock.now() - parseDuration(options.value("by-duration") ?? ""));
      case "from-file":
        return this.clamp(this.readFile());
      case "to-current":
        return this.current(partitions);
    }
  }

  private committed(): Promise<Placed[]> {
    const { admin, timeoutMs } = this.context;
    return admin.listGroupOffsets(this.group, undefined, { timeoutMs }).catch((error: unknown) => {
      throw executionFailure(error);
    });
  }

  private async shifted(partitions: readonly TopicPartition[]): Promise<Placed[]> {
    const committed = new Map((await this.committed()).map((it) => [nameOf(it), it.offset]));
    return partitions.map(({ topic, partition }) => {
      const offset = committed.get(nameOf({ topic, partition }));
      if (offset !== undefined) return { topic, partition, offset: offset + (this.given.shift ?? 0) };
      const message = `Cannot shift offset for partition ${nameOf({ topic, partition })} since there is no current committed offset`;
      throw new UsageError(message, { withUsage: true });
    });
  }

  /** What is committed; the end where nothing is. */
  private async current(partitions: readonly TopicPartition[]): Promise<Placed[]> {
    const committed = new Map((await this.committed()).map((it) => [nameOf(it), it.offset]));
    const without = partitions.filter((it) => !committed.has(nameOf(it)));
    const rest = partitions.flatMap(({ topic, partition }) => {
      const offset = committed.get(nameOf({ topic, partition }));
      return offset === undefined ? [] : [{ topic, partition, offset }];
    });
    return [...rest, ...(await this.list(without, "latest"))];
  }

  /** The first record at or after a time; the end, with a word, where there is none. */
  private async atTime(partitions: readonly TopicPartition[], timestamp: number): Promise<Placed[]> {
    const listed = await this.listed(partitions, { timestamp });
    const without = listed.filter(({ offset }) => offset === null);
    for (const { topic, partition } of without) {
      this.context.terminal.write(
        `\nWarn: Partition ${partition} from topic ${topic} is empty. Falling back to latest known offset.\n`,
      );
    }
    return [...placed(listed), ...(await this.list(without, "latest"))];
  }

  private readFile(): Placed[] {
    const { options, runtime } = this.context;
    const path = options.value("from-file") ?? "";
    let text: string;
    try {
      text = runtime.disk.readFile(path).toString("utf8");
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      throw new Error(`java.io.IOException: Unable to read file ${path}`, { cause: error });
    }
    const rows = parseResetCsv(text, options.values("group"));
    const own = rows.filter(({ group }) => group === this.group);
    if (own.length === 0) printError(this.context.terminal, `No reset plan for group ${this.group} found.`);
    return own.map(({ topic, partition, offset }) => ({ topic, partition, offset }));
  }

  /** Offsets that lie outside of the log are moved to its start or end, with a word on standard error. */
  private async clamp(wanted: readonly Placed[]): Promise<Placed[]> {
    const starts = await this.list(wanted, "earliest");
    const ends = await this.list(wanted, "latest");
    return wanted.map((it, index) => {
      const start = starts[index]?.offset ?? 0;
      const end = ends[index]?.offset ?? it.offset;
      if (it.offset > end) return this.moved(it, "higher than latest", end);
      return it.offset < start ? this.moved(it, "lower than earliest", start) : it;
    });
  }

  private moved(it: Placed, how: string, offset: number): Placed {
    this.context.terminal.complain(
      `WARN New offset (${it.offset}) is ${how} offset for topic partition ${nameOf(it)}. Value will be set to ${offset}.\n`,
    );
    return { ...it, offset };
  }

  private async list(partitions: readonly TopicPartition[], at: "earliest" | "latest"): Promise<Placed[]> {
    return placed(await this.listed(partitions, at));
  }

  private async listed(partitions: readonly TopicPartition[], at: OffsetSpec): Promise<ListedOffset[]> {
    const { admin, timeoutMs } = this.context;
    if (partitions.length === 0) return [];
    const queries = partitions.map(({ topic, partition }) => ({ topic, partition, at }));
    try {
      return await admin.listOffsets(queries, { timeoutMs });
    } catch (error) {
      throw invalidTopic(error) ?? executionFailure(error);
    }
  }
}

/** The Java client's own words for a partition of a topic that cannot be. */
function invalidTopic(error: unknown): Error | null {
  if (!(error instanceof AdminError)) return null;
  const results: AdminError<TopicPartition>["results"] = error.results as AdminError<TopicPartition>["results"];
  const refused = results.find((result) => result.error?.code === "INVALID_TOPIC_EXCEPTION");
  if (refused === undefined) return null;
  const message = `Failed to fetch metadata for partition ${nameOf(refused.item)} due to invalid topic \`${refused.item.topic}\``;
  return new Error(
    `java.util.concurrent.ExecutionException: org.apache.kafka.common.errors.InvalidTopicException: ${message}`,
    { cause: error },
  );
}

function placed(listed: readonly ListedOffset[]): Placed[] {
  return listed.flatMap(({ topic, partition, offset }) => (offset === null ? [] : [{ topic, partition, offset }]));
}

/** `orders-3` */
function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

function byPartition(a: TopicPartition, b: TopicPartition): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition;
}
