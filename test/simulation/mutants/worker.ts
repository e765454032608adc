/** Plays seeds of a workload on sources with a mutant in them until a checker finds it: a worker, so that nobody else sees these sources. */
import { registerHooks } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { type Mutant, mutate } from "./mutant.ts";

const { mutant, seeds, root } = workerData as { mutant: Mutant; seeds: number; root: string };
Error.stackTraceLimit = 0;
const urls = new Map(mutant.edits.map(({ file }) => [pathToFileURL(resolve(root, file)).href, file]));

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const file = urls.get(url);
    if (file === undefined) return loaded;
    urls.delete(url);
    const edits = mutant.edits.filter((edit) => edit.file === file);
    return { ...loaded, source: mutate(String(loaded.source), edits, file) };
  },
});

const { simulate } = await import("@ottla/testkit");
if (urls.size > 0) throw new Error(`a mutant does not fit any more: nobody loads ${[...urls.values()].join(", ")}`);
for (let seed = 1; seed <= seeds; seed++) {
  const { faults } = await simulate({ workload: mutant.workload, seed });
  if (faults.length === 0) continue;
  const kinds = [...new Set(faults.map(({ kind }) => kind))];
  parentPort!.postMessage({ seed, kinds, what: faults[0]!.what });
  break;
}
parentPort!.postMessage(null);
