/**
 * Our client beside others, all on one Apache Kafka: each round is a process of its own (`client-round.ts`), which starts, warms up, measures and prints
 * records per second.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { finished } from "../test/support/apache-kafka.ts";
import { runTool } from "../test/support/ottla.ts";
import { type Row, row, takeTurns } from "./measure.ts";

export type ClientName = "ottla" | "platformatic" | "kafkajs";

export interface ClientRound {
  readonly client: ClientName;
  readonly work: "singles" | "arrays" | "batches" | "messages";
  readonly bootstrapServers: string;
  readonly topic: string;
  readonly records: number;
}

async function measure(round: ClientRound): Promise<{ rate: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "client-round.ts"), JSON.stringify(round)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { code, stdout, stderr } = await finished(child);
  if (code !== 0) throw new Error(`${round.client} ${round.work} failed:\n${stdout}${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

async function createTopic(bootstrapServers: string): Promise<string> {
  const topic = `bench-${randomUUID()}`;
  const { code, stdout } = await runTool(
    "kafka-topics",
    "--bootstrap-server",
    bootstrapServers,
    "--create",
    "--topic",
    topic,
    "--partitions",
    "6",
  );
  if (code !== 0) throw new Error(stdout);
  return topic;
}

const turns = (clients: readonly ClientName[]) =>
  Object.fromEntries(clients.map((client) => [client, client])) as Record<ClientName, ClientName>;

/** Records per second on the way in. */
export async function producing(bootstrapServers: string, rounds: number): Promise<Row[]> {
  const run = async (work: "singles" | "arrays", counts: Record<ClientName, number>, least: number) => {
    const figures = await takeTurns(turns(["ottla", "platformatic", "kafkajs"]), rounds, async (client) =>
      measure({ client, work, bootstrapServers, topic: await createTopic(bootstrapServers), records: counts[client] }),
    );
    const of = (client: ClientName) => figures[client]?.rate ?? [];
    const what =
      work === "singles" ? "awaited single sends, 1,000 in flight, 100 B" : "arrays of 100, 20 in flight, 100 B";
    return [
      row(`${what}, beside @platformatic/kafka`, "rec/s", of("ottla"), of("platformatic"), { of: "ratio", least }),
      row(`${what}, beside kafkajs`, "rec/s", of("ottla"), of("kafkajs")),
    ];
  };
  return [
    ...(await run("singles", { ottla: 600_000, platformatic: 15_000, kafkajs: 15_000 }, 40)),
    ...(await run("arrays", { ottla: 1_000_000, platformatic: 600_000, kafkajs: 300_000 }, 1.5)),
  ];
}

/** Records per second on the way out, every key and value decoded and counted. */
export async function consuming(bootstrapServers: string, rounds: number): Promise<Row[]> {
  const records = 2_000_000;
  const topic = await createTopic(bootstrapServers);
  await measure({ client: "ottla", work: "arrays", bootstrapServers, topic, records });
  const figures = await takeTurns(turns(["ottla", "platformatic", "kafkajs"]), rounds, (client) =>
    measure({ client, work: "batches", bootstrapServers, topic, records }),
  );
  const messages = await takeTurns({ ottla: "ottla" as const }, rounds, (client) =>
    measure({ client, work: "messages", bootstrapServers, topic, records }),
  );
  const of = (client: ClientName) => figures[client]?.rate ?? [];
  const better = of("platformatic").map((rate, round) => Math.max(rate, of("kafkajs")[round] ?? 0));
  return [
    row(
      "consuming by batches(), 100 B, beside the better of kafkajs eachBatch and @platformatic/kafka",
      "rec/s",
      of("ottla"),
      better,
      { of: "ratio", least: 1.5 },
    ),
    row("consuming by message (for await), beside the same", "rec/s", messages.ottla?.rate ?? [], better),
  ];
}
