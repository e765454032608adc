/** Runs a tool from its sources: `node packages/ottla/src/bin.ts ottla --help`. */
import { main } from "./cli.ts";

const [tool = "ottla", ...args] = process.argv.slice(2);
await main(tool, args);
