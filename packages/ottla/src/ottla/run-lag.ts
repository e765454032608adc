import type { Admin } from "@ottla/client";
import { sleep } from "@ottla/runtime";
import type { LagOptions } from "./command-options.ts";
import { withAdmin } from "./connection.ts";
import type { CommandContext } from "./context.ts";
import { type GroupLag, lagLines } from "./group-text.ts";
import { counted, printJson, printLine, printTable } from "./output.ts";
import { measureGroups } from "./run-groups.ts";

const defaultIntervalMs = 2000;
const clearScreen = "\u001b[H\u001b[2J\u001b[3J";

/** `ottla lag` */
export function showLag(groupIds: readonly string[], options: LagOptions, context: CommandContext): Promise<void> {
  return withAdmin(options, context, async (admin) => {
    if (options.watch === undefined) return show(await measure(admin, groupIds), groupIds, options, context);
    const { terminal, runtime } = context;
    const interrupted = terminal.interrupted();
    const intervalMs = options.watch === true ? defaultIntervalMs : options.watch * 1000;
    for (let isFirst = true; !interrupted.aborted; isFirst = false) {
      const measured = await measure(admin, groupIds);
      if (!options.json) terminal.write(terminal.isInteractive ? clearScreen : isFirst ? "" : "\n");
      show(measured, groupIds, options, context);
      await sleep(runtime.clock, intervalMs, interrupted).catch(() => {});
    }
  });
}

async function measure(admin: Admin, groupIds: readonly string[]): Promise<GroupLag[]> {
  const ids = groupIds.length > 0 ? groupIds : (await admin.listGroups()).map(({ groupId }) => groupId);
  return measureGroups(admin, ids);
}

function show(
  measured: readonly GroupLag[],
  named: readonly string[],
  options: LagOptions,
  context: CommandContext,
): void {
  const { terminal } = context;
  if (options.json) {
    for (const { group, partitions, lag } of measured) {
      printJson(terminal, { groupId: group.groupId, state: group.state, lag, partitions });
    }
    return;
  }
  if (named.length > 0) {
    for (const [index, { group, partitions, lag }] of measured.entries()) {
      if (index > 0) printLine(terminal);
      printLine(terminal, `${group.groupId}: ${group.state}, ${counted(lag, "message")} behind`);
      for (const line of lagLines(partitions)) printLine(terminal, line);
    }
    return;
  }
  if (measured.length === 0) {
    printLine(terminal, "there are no groups");
    return;
  }
  printTable(
    terminal,
    ["group", "state", "members", "lag"],
    measured.map(({ group, lag }) => [group.groupId, group.state, group.members.length, lag]),
  );
}
