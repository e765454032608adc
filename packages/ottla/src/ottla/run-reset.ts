import type { Admin, OffsetSpec, TopicPartition } from "@ottla/client";
import { UsageError } from "../kafka/option-parser.ts";
import { parseTopicArguments } from "../kafka/topic-arguments.ts";
import type { ResetGroupOptions } from "./command-options.ts";
import { withAdmin } from "./connection.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { counted, printJson, printLine, printTable } from "./output.ts";
import { type PartitionOffsets, type PlannedReset, parseTarget, planReset, type ResetTarget } from "./reset-plan.ts";

/** `ottla groups reset` */
export function resetGroup(groupId: string, options: ResetGroupOptions, context: CommandContext): Promise<void> {
  const target = parseTarget(options.to, context.runtime.clock.now());
  if ((options.topic === undefined) === (options.allTopics === undefined)) {
    throw new CommandError("which partitions? give --topic (may be repeated), or --all-topics");
  }
  return withAdmin(options, context, async (admin) => {
    await refuseMembers(admin, groupId);
    const plan = planReset(target, await readOffsets(admin, groupId, options, target));
    if (options.execute)
      await admin.alterGroupOffsets(
        groupId,
        plan.map(({ to, ...place }) => ({ ...place, offset: to })),
      );
    const executed = options.execute ?? false;
    if (options.json) return printJson(context.terminal, { groupId, executed, partitions: plan });
    show(groupId, plan, executed, context);
  });
}

/** Members would go on from where they are and commit over it. */
async function refuseMembers(admin: Admin, groupId: string): Promise<void> {
  const known = (await admin.listGroups()).find((group) => group.groupId === groupId);
  if (known === undefined || known.state === "Empty" || known.state === "Dead") return;
  throw new CommandError(`group ${groupId} has members (it is ${known.state}): stop them before its offsets are moved`);
}

async function readOffsets(
  admin: Admin,
  groupId: string,
  options: ResetGroupOptions,
  target: ResetTarget,
): Promise<PartitionOffsets[]> {
  const committed = await admin.listGroupOffsets(groupId);
  const places = options.allTopics ? committed : await selectPartitions(admin, options.topic ?? []);
  if (places.length === 0) return [];
  const at = async (spec: OffsetSpec) => {
    const listed = await admin.listOffsets(places.map(({ topic, partition }) => ({ topic, partition, at: spec })));
    return listed.map(({ offset }) => offset);
  };
  const [starts, ends, times] = await Promise.all([
    at("earliest"),
    at("latest"),
    target.kind === "time" ? at({ timestamp: target.timestamp }) : [],
  ]);
  return places.map(({ topic, partition }, index) => ({
    ...{ topic, partition },
    committed: committed.find((it) => it.topic === topic && it.partition === partition)?.offset ?? null,
    start: starts[index] ?? 0,
    end: ends[index] ?? 0,
    atTime: times[index] ?? null,
  }));
}

async function selectPartitions(admin: Admin, values: readonly string[]): Promise<TopicPartition[]> {
  try {
    const { partitions, topics } = parseTopicArguments(values);
    const described = await admin.describeTopics(topics);
    const whole = described.flatMap(({ topic, partitions: all }) => all.map(({ partition }) => ({ topic, partition })));
    return [...partitions, ...whole];
  } catch (error) {
    if (error instanceof UsageError) throw new CommandError(`--topic must be a topic, or topic:0,1`, { cause: error });
    throw error;
  }
}

function show(groupId: string, plan: readonly PlannedReset[], executed: boolean, { terminal }: CommandContext): void {
  if (plan.length === 0) {
    printLine(terminal, `${groupId} has no committed offsets`);
    return;
  }
  printTable(
    terminal,
    ["topic", "partition", "committed", executed ? "now" : "would be", "change"],
    plan.map(({ topic, partition, from, to }) => [topic, partition, from, to, from === null ? null : to - from]),
  );
  const offsets = counted(plan.length, "offset");
  printLine(terminal);
  if (executed) printLine(terminal, `${offsets} of ${groupId} moved`);
  else printLine(terminal, `nothing has been changed; --execute moves ${offsets} of ${groupId}`);
}
