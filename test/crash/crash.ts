/** Kills a broker again and again and says what was lost: `node test/crash/crash.ts --times 50 --seed 1 [--data-dir D]`. */
import { parseArgs } from "node:util";
import { runCrashTest } from "./crash-run.ts";

const { values } = parseArgs({
  options: {
    times: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
    "data-dir": { type: "string" },
  },
});
const directory = values["data-dir"];
const summary = await runCrashTest({
  times: Number(values.times),
  seed: Number(values.seed),
  ...(directory === undefined ? {} : { directory }),
  report: (line) => console.log(line),
});
const { faults, ...rest } = summary;
console.log(
  Object.entries(rest)
    .map(([name, value]) => `${name.padEnd(20)} ${value}`)
    .join("\n"),
);
for (const fault of faults) console.log(`FAULT ${fault}`);
console.log(faults.length === 0 ? "nothing was lost, nothing doubled, nothing went back" : `${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
