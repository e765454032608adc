/** What a simulated minute of a group of ten costs, so how many seeds one can afford. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { finished } from "../test/support/apache-kafka.ts";
import { type Row, row } from "./measure.ts";

async function round(protocol: string): Promise<number> {
  // As `npm run simulate` has it: room for young objects, and no stacks, which nobody looks at.
  const flags = ["--max-semi-space-size=32", "--stack-trace-limit=0"];
  const args = [...flags, join(import.meta.dirname, "simulation-round.ts"), protocol];
  const { code, stdout, stderr } = await finished(spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] }));
  if (code !== 0) throw new Error(`the simulation failed:\n${stdout}${stderr}`);
  return JSON.parse(stdout).msPerMinute;
}

/** Processor time, which does not depend on what else the machine does. */
export async function simulatedMinute(rounds: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const protocol of ["classic", "consumer"]) {
    const used: number[] = [];
    for (let n = 0; n < rounds; n++) used.push(await round(protocol));
    const name = `a simulated minute of a group of 10, ${protocol} protocol, processor time`;
    rows.push(row(name, "ms", used, null, { of: "value", most: 100 }));
  }
  return rows;
}
