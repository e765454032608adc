#!/usr/bin/env node
import { enableCompileCache } from "node:module";

enableCompileCache();
const { main } = await import("../dist/cli.js");
await main("ottla", process.argv.slice(2));
