/** Lets the simulator look for mutants: `node test/simulation/mutants/hunt.ts [--seeds 200] [name ...]`. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { brokerMutants } from "./broker.ts";
import { clientMutants } from "./client.ts";
import type { Mutant } from "./mutant.ts";

export const mutants: readonly Mutant[] = [...brokerMutants, ...clientMutants];

/** How a mutant was found. */
export interface Catch {
  /** The first seed that found it: so many were played. */
  readonly seed: number;
  readonly kinds: readonly string[];
  readonly what: string;
}

/** Plays up to that many seeds on a mutant; null where none finds it. Rejects where it does not fit the sources any more. */
export function hunt(mutant: Mutant, seeds: number): Promise<Catch | null> {
  const root = resolve(import.meta.dirname, "../../..");
  const workerData = { mutant, seeds, root };
  return new Promise((settle, reject) => {
    const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData, execArgv: [] });
    worker.on("message", (found: Catch | null) => {
      settle(found);
      void worker.terminate();
    });
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`the worker of mutant ${mutant.name} ended with ${code}`)));
  });
}

if (process.argv[1] === import.meta.filename) {
  const { values, positionals } = parseArgs({
    options: { seeds: { type: "string", default: "200" } },
    allowPositionals: true,
  });
  for (const mutant of mutants) {
    if (positionals.length > 0 && !positionals.includes(mutant.name)) continue;
    const found = await hunt(mutant, Number(values.seeds)).catch((error: unknown) => String(error));
    const outcome =
      typeof found === "string"
        ? found
        : found === null
          ? "NOT FOUND"
          : `${found.seed} ${found.kinds.join(", ")}: ${found.what}`;
    console.log(`${mutant.name.padEnd(36)} ${mutant.workload.padEnd(20)} ${outcome}`);
  }
}
