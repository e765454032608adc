/** What the coordinator's machine costs: the time of a large rebalance, the memory of an idle member. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { finished } from "../test/support/apache-kafka.ts";
import { type Row, row } from "./measure.ts";

async function round(name: string): Promise<Record<string, number>> {
  const child = spawn(process.execPath, ["--expose-gc", join(import.meta.dirname, "members-round.ts"), name], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { code, stdout, stderr } = await finished(child);
  if (code !== 0) throw new Error(`${name} failed:\n${stdout}${stderr}`);
  return JSON.parse(stdout);
}

/** A group of 1,000: all join, one leaves, all join again, in the machine alone. */
export async function coordinatorMachine(): Promise<Row[]> {
  const { joinMs, rebalanceMs } = await round("machine");
  return [
    row("the coordinator's machine: 1,000 members join", "ms", [joinMs ?? Number.NaN], null),
    row("the coordinator's machine: one of 1,000 leaves, the rest rebalance", "ms", [rebalanceMs ?? Number.NaN], null),
  ];
}

/** 10,000 members in 1,000 groups, heap and external memory after a collection; sockets not counted. */
export async function idleMembers(): Promise<Row[]> {
  const { bytesPerMember } = await round("memory");
  return [
    row("an idle group member's memory in the broker (10,000 members)", "B", [bytesPerMember ?? Number.NaN], null, {
      of: "value",
      most: 4096,
    }),
  ];
}
