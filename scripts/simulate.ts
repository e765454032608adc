/**
 * Runs simulations of consumer groups and looks for faults; see docs/SIMULATION.md.
 *
 *     npm run simulate -- --seeds 10000 [--workload kip-848] [--from 1] [--jobs 2]
 *     npm run simulate -- --minutes 5
 *     npm run simulate -- --workload static --seed 123 [--history | --events]
 */
import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { historyLine, simulate, workloads } from "@ottla/testkit";

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    workload: { type: "string" },
    minutes: { type: "string" },
    jobs: { type: "string", default: "1" },
    history: { type: "boolean", default: false },
    events: { type: "boolean", default: false },
    worker: { type: "boolean", default: false },
  },
});

/** What one seed came to. */
interface Outcome {
  readonly workload: string;
  readonly seed: number;
  readonly faults: readonly string[];
  readonly operations: number;
  readonly virtualMs: number;
  readonly realMs: number;
}

async function run(workload: string, seed: number): Promise<Outcome> {
  const startMs = performance.now();
  const { faults, history, virtualMs } = await simulate({ workload, seed });
  return {
    workload,
    seed,
    faults: faults.map(({ kind, partition, what }) => `${kind}${partition === null ? "" : ` ${partition}`}: ${what}`),
    operations: history.entries.length,
    virtualMs,
    realMs: performance.now() - startMs,
  };
}

/** Plays one seed and shows all of it. */
async function show(workload: string, seed: number): Promise<void> {
  const { faults, history, world, virtualMs } = await simulate({ workload, seed, recording: values.events });
  if (values.events) for (const line of world.history.lines) console.log(line);
  if (values.history) for (const entry of history.entries) console.log(historyLine(entry));
  for (const fault of faults) console.log(JSON.stringify(fault));
  const fingerprint = values.events ? `, ${world.history.fingerprint}` : "";
  const { length } = history.entries;
  console.log(`${workload} ${seed}: ${faults.length} faults, ${length} operations, ${virtualMs} ms${fingerprint}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}

/** Which seeds there are, one after the other: of each workload in turn, until they are used up or the time is. */
function* plan(): Generator<{ workload: string; seed: number }> {
  const names = values.workload === undefined ? workloads.map(({ name }) => name) : values.workload.split(",");
  const first = Number(values.from);
  const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
  const seeds = Number(values.seeds ?? (values.minutes === undefined ? 100 : Number.POSITIVE_INFINITY));
  const endMs = performance.now() + minutes * 60_000;
  for (let seed = first; seed < first + seeds; seed++) {
    for (const workload of names) {
      if (performance.now() >= endMs) return;
      yield { workload, seed };
    }
  }
}

/** Has processes of its own take seeds from the plan; a process serves for all of its life. */
async function distribute(jobs: number, finished: (outcome: Outcome) => void): Promise<void> {
  const seeds = plan();
  const work = () =>
    new Promise<void>((resolve, reject) => {
      const child = fork(import.meta.filename, ["--worker"], { execArgv: ["--max-semi-space-size=32"] });
      const next = () => {
        const { value, done } = seeds.next();
        if (done) child.disconnect();
        else child.send(value);
      };
      child.on("message", (outcome: Outcome) => {
        finished(outcome);
        next();
      });
      child.on("exit", (code) => {
        if (code === 0) resolve();
        else reject(new Error(`a process that simulates ended with ${code}`));
      });
      next();
    });
  await Promise.all(Array.from({ length: jobs }, work));
}

function serve(): void {
  // Nobody looks at the stacks, and making them costs a tenth of the time.
  Error.stackTraceLimit = 0;
  process.on("message", ({ workload, seed }: { workload: string; seed: number }) => {
    void run(workload, seed).then((outcome) => process.send!(outcome));
  });
}

async function summarize(): Promise<void> {
  const startMs = performance.now();
  const sums = new Map<string, { seeds: number; operations: number; virtualMs: number; realMs: number }>();
  const failed: Outcome[] = [];
  let worst: Outcome | null = null;
  await distribute(Number(values.jobs), (outcome) => {
    const { workload, seed, faults, operations, virtualMs, realMs } = outcome;
    const sum = sums.get(workload) ?? { seeds: 0, operations: 0, virtualMs: 0, realMs: 0 };
    sums.set(workload, sum);
    sum.seeds++;
    sum.operations += operations;
    sum.virtualMs += virtualMs;
    sum.realMs += realMs;
    if (worst === null || realMs > worst.realMs) worst = outcome;
    if (faults.length === 0) return;
    failed.push(outcome);
    console.log(`${workload} ${seed}: ${faults.length} faults, the first: ${faults[0]}`);
  });
  const seconds = (performance.now() - startMs) / 1000;
  console.log("workload               seeds  failed  operations  virtual hours  ms a seed");
  for (const [workload, sum] of sums) {
    const failures = failed.filter((outcome) => outcome.workload === workload).length;
    console.log(
      `${workload.padEnd(20)} ${String(sum.seeds).padStart(7)} ${String(failures).padStart(7)} ${String(sum.operations).padStart(11)} ` +
        `${(sum.virtualMs / 3_600_000).toFixed(1).padStart(14)} ${(sum.realMs / sum.seeds).toFixed(1).padStart(10)}`,
    );
  }
  const seeds = [...sums.values()].reduce((total, sum) => total + sum.seeds, 0);
  console.log(`${seeds} seeds in ${seconds.toFixed(0)} s, ${(seeds / seconds).toFixed(1)} a second`);
  if (worst !== null) {
    const { workload, seed, realMs } = worst as Outcome;
    console.log(`The slowest was ${workload} ${seed}: ${realMs.toFixed(0)} ms`);
  }
  if (failed.length === 0) return;
  console.log(`${failed.length} seeds found faults. To see all that happened in one:`);
  for (const { workload, seed } of failed.slice(0, 20)) {
    console.log(`  npm run simulate -- --workload ${workload} --seed ${seed} --history`);
  }
  process.exitCode = 1;
}

if (values.worker) serve();
else if (values.seed !== undefined) await show(values.workload ?? "classic-eager", Number(values.seed));
else await summarize();
