/** What 1,000 groups of 10 members cost a broker while nothing happens: heartbeats every 3 s, then commits every 5 s besides. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { finished } from "../test/support/apache-kafka.ts";
import { type Row, row } from "./measure.ts";

interface Broker {
  readonly bootstrapServers: string;
  readonly pid: number;
}

async function round({ bootstrapServers, pid }: Broker): Promise<Record<string, number>> {
  const args = [join(import.meta.dirname, "steady-groups-round.ts"), bootstrapServers, String(pid)];
  const { code, stdout, stderr } = await finished(spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] }));
  if (code !== 0) throw new Error(`the members failed:\n${stdout}${stderr}`);
  return JSON.parse(stdout);
}

export async function steadyGroups(subjects: Readonly<{ ours: Broker; kafka: Broker }>): Promise<Row[]> {
  const [ours, kafka] = [await round(subjects.ours), await round(subjects.kafka)];
  const figure = (name: string, what: string, most?: number): Row => {
    const target = most === undefined ? undefined : ({ of: "value", most } as const);
    return row(what, "core", [ours[name] ?? Number.NaN], [kafka[name] ?? Number.NaN], target);
  };
  return [
    figure("heartbeats", "1,000 classic groups of 10 in steady state, heartbeats every 3 s", 0.2),
    figure("commits", "the same, and every member commits one partition every 5 s"),
    figure("consumerHeartbeats", "1,000 consumer groups (KIP-848) of 10 in steady state, heartbeats every 5 s", 0.2),
  ];
}
