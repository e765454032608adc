/** Start-up time, memory when idle, the cost of an idle group member, the start with many topics. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Admin } from "@ottla/client";
import { finished } from "../test/support/apache-kafka.ts";
import { type OttlaBroker, startOttlaBroker } from "../test/support/ottla.ts";
import { type Row, residentMb, row } from "./measure.ts";

/** From the start of the process to the line that says it is ready. */
async function startMs(dataDirectory: string): Promise<{ ms: number; broker: OttlaBroker }> {
  const started = performance.now();
  const broker = await startOttlaBroker({ dataDirectory });
  return { ms: performance.now() - started, broker };
}

async function bareNodeMs(): Promise<number> {
  const started = performance.now();
  await finished(spawn(process.execPath, ["-e", "console.log(0)"], { stdio: ["ignore", "pipe", "pipe"] }));
  return performance.now() - started;
}

export async function start(rounds: number): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "ottla-bench-"));
  const over: number[] = [];
  const idle: number[] = [];
  try {
    for (let round = -1; round < rounds; round++) {
      const bare = await bareNodeMs();
      const { ms, broker } = await startMs(directory);
      // An idle broker has settled when its first second is over.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      if (round >= 0) {
        over.push(ms - bare);
        idle.push(residentMb(broker.program.child.pid ?? 0));
      }
      await broker.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return [
    row("broker ready, beyond what `node -e 0` takes", "ms", over, null, { of: "value", most: 100 }),
    row("resident when idle", "MB", idle, null, { of: "value", most: 70 }),
  ];
}

export async function manyTopics(rounds: number): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "ottla-bench-"));
  try {
    const { broker } = await startMs(directory);
    const admin = new Admin({ bootstrapServers: broker.bootstrapServers });
    for (let first = 0; first < 1000; first += 100) {
      await admin.createTopics(Array.from({ length: 100 }, (_, i) => ({ topic: `topic-${first + i}`, partitions: 6 })));
    }
    await admin.close();
    await broker.stop();
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const started = await startMs(directory);
      times.push(started.ms / 1000);
      await started.broker.stop();
    }
    return [
      row("start after a clean stop with 1,000 topics of 6 partitions", "s", times, null, { of: "value", most: 1.5 }),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
