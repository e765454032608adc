import { simulate } from "@ottla/testkit";
Error.stackTraceLimit = 0;
const [workload = "classic-eager", from = "1", count = "1", mode = ""] = process.argv.slice(2);
let virtual = 0; const t0 = performance.now();
for (let seed = +from; seed < +from + +count; seed++) {
  const t = performance.now();
  const r = await simulate({ workload, seed, recording: mode === "lines" });
  virtual += r.virtualMs;
  if (mode === "lines") for (const l of r.world.history.lines) console.log(l);
  if (mode === "ops") for (const e of r.history.entries) console.log(JSON.stringify(e));
  console.log(seed, (performance.now() - t).toFixed(0), "ms", r.virtualMs.toFixed(0), "virtual", r.history.entries.length, r.faults.length ? JSON.stringify(r.faults.slice(0, 4), null, 1) : "ok");
}
console.log(count, "seeds", ((process.cpuUsage().user + process.cpuUsage().system) / 1000 / +count).toFixed(1), "ms cpu each", (virtual / +count / 1000).toFixed(1), "s virtual each");
