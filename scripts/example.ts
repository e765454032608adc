/** `npm run example -- producer-with-keys [arguments]`: runs one of the programs of examples/order-events from its source. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const directory = join(import.meta.dirname, "../examples/order-events/src");
const [name = "", ...args] = process.argv.slice(2);
const file = join(directory, `${name}.ts`);

if (!/^[a-z-]+$/.test(name) || name === "order" || !existsSync(file)) {
  const names = readdirSync(directory)
    .filter((entry) => entry.endsWith(".ts"))
    .map((entry) => entry.replace(/\.ts$/, ""))
    .filter((entry) => entry !== "order");
  console.error(`which example? npm run example -- ${names.join(" | ")}`);
  process.exit(2);
}
const child = spawn(process.execPath, [file, ...args], { stdio: "inherit" });
// Ctrl-C reaches the example by itself; here it is only waited for.
process.on("SIGINT", () => {});
child.on("exit", (code) => process.exit(code ?? 1));
