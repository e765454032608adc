/**
 * Our broker beside Apache Kafka, both kept running and driven in turn by Kafka's own performance tools and by a raw sender of requests that were built
 * before (where the client's own cost does not hide the broker's).
 */

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { finished, runJava } from "../test/support/apache-kafka.ts";
import { runTool } from "../test/support/ottla.ts";
import { cpuSeconds, type Figures, type Row, residentMb, row, takeTurns } from "./measure.ts";

export interface BrokerSubject {
  readonly bootstrapServers: string;
  readonly pid: number;
}

export type Subjects = Readonly<{ ours: BrokerSubject; kafka: BrokerSubject }>;

async function withTopic<T>(subject: BrokerSubject, use: (topic: string) => Promise<T>): Promise<T> {
  const topic = `bench-${randomUUID()}`;
  const at = ["--bootstrap-server", subject.bootstrapServers];
  const created = await runTool(
    "kafka-topics",
    ...at,
    "--create",
    "--topic",
    topic,
    "--partitions",
    "6",
    "--replication-factor",
    "1",
  );
  if (created.code !== 0) throw new Error(`creating ${topic} failed: ${created.stdout}${created.stderr}`);
  try {
    return await use(topic);
  } finally {
    await runTool("kafka-topics", ...at, "--delete", "--topic", topic);
  }
}

/** What of the broker's processor time `work` took, in seconds. */
async function cpuOf<T>(subject: BrokerSubject, work: () => Promise<T>): Promise<[T, number]> {
  const before = cpuSeconds(subject.pid);
  const result = await work();
  return [result, cpuSeconds(subject.pid) - before];
}

async function produceByTool(
  subject: BrokerSubject,
  topic: string,
  records: number,
  recordSize: number,
): Promise<{ megabytesPerSecond: number }> {
  const { stdout, stderr } = await runJava("org.apache.kafka.tools.ProducerPerformance", [
    "--topic",
    topic,
    "--num-records",
    String(records),
    "--record-size",
    String(recordSize),
    "--throughput",
    "-1",
    "--producer-props",
    `bootstrap.servers=${subject.bootstrapServers}`,
    "acks=all",
    "batch.size=131072",
    "linger.ms=5",
  ]);
  const found = /(\d+) records sent, ([\d.,]+) records\/sec \(([\d.,]+) MB\/sec\).*$/.exec(stdout.trim());
  if (Number(found?.[1]) !== records) throw new Error(`ProducerPerformance did not finish:\n${stdout}${stderr}`);
  return { megabytesPerSecond: Number(found?.[3]) };
}

async function consumeByTool(
  subject: BrokerSubject,
  topic: string,
  records: number,
): Promise<{ megabytesPerSecond: number }> {
  const { stdout, stderr } = await runJava("org.apache.kafka.tools.ConsumerPerformance", [
    "--bootstrap-server",
    subject.bootstrapServers,
    "--topic",
    topic,
    "--messages",
    String(records),
    "--timeout",
    "60000",
  ]);
  // Warnings may come before the two lines.
  const [names, values] = stdout
    .slice(Math.max(0, stdout.indexOf("start.time")))
    .trim()
    .split("\n")
    .map((line) => line.split(",").map((text) => text.trim()));
  const figure = (name: string) => Number(values?.[names?.indexOf(name) ?? -1]);
  if (!(figure("data.consumed.in.nMsg") >= records))
    throw new Error(`ConsumerPerformance did not finish:\n${stdout}${stderr}`);
  // Without the time that joining the group took, which is not the broker's throughput.
  return { megabytesPerSecond: figure("fetch.MB.sec") };
}

/** Kafka's ProducerPerformance and ConsumerPerformance: MB/s and the broker's processor seconds per GB. */
export async function performanceTools(subjects: Subjects, rounds: number): Promise<Row[]> {
  const [records, recordSize] = [800_000, 1000];
  const gigabytes = (records * recordSize) / 1e9;
  const figures = await takeTurns(subjects, rounds, (subject) =>
    withTopic(subject, async (topic): Promise<Figures> => {
      const [produced, produceCpu] = await cpuOf(subject, () => produceByTool(subject, topic, records, recordSize));
      const [consumed, consumeCpu] = await cpuOf(subject, () => consumeByTool(subject, topic, records));
      return {
        in: produced.megabytesPerSecond,
        inCpu: produceCpu / gigabytes,
        out: consumed.megabytesPerSecond,
        outCpu: consumeCpu / gigabytes,
      };
    }),
  );
  const pair = (figure: string) => [figures.ours?.[figure] ?? [], figures.kafka?.[figure] ?? []] as const;
  return [
    row("ProducerPerformance, 1 KB, acks=all", "MB/s", ...pair("in"), { of: "ratio", least: 1 }),
    row("  the broker's processor time", "s/GB", ...pair("inCpu"), { of: "ratio", most: 0.7 }),
    row("ConsumerPerformance, 1 KB", "MB/s", ...pair("out"), { of: "ratio", least: 1 }),
    row("  the broker's processor time", "s/GB", ...pair("outCpu"), { of: "ratio", most: 1.2 }),
  ];
}

export interface RawLoad {
  readonly name: string;
  /** Batches in one request, each for a partition of its own. */
  readonly batches: number;
  readonly recordsPerBatch: number;
  readonly recordSize: number;
  readonly requests: number;
}

const rawLoads: readonly RawLoad[] = [
  { name: "1 batch of 1 KB", batches: 1, recordsPerBatch: 1, recordSize: 1000, requests: 60_000 },
  { name: "1 batch of 16 KB", batches: 1, recordsPerBatch: 16, recordSize: 1000, requests: 30_000 },
  { name: "6 batches of 150 KB", batches: 6, recordsPerBatch: 150, recordSize: 1000, requests: 1_000 },
];

/** Requests per second and processor time with a sender that does nothing but send. */
export async function rawSender(subjects: Subjects, rounds: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const load of rawLoads) {
    const figures = await takeTurns(subjects, rounds, (subject) =>
      withTopic(subject, async (topic): Promise<Figures> => {
        const [seconds, cpu] = await cpuOf(subject, () => sendRaw(subject, topic, load));
        const gigabytes = (load.requests * load.batches * load.recordsPerBatch * load.recordSize) / 1e9;
        return { rate: load.requests / seconds, cpu: cpu / gigabytes };
      }),
    );
    rows.push(
      row(`raw produce requests, ${load.name}`, "1/s", figures.ours?.rate ?? [], figures.kafka?.rate ?? [], {
        of: "ratio",
        least: 1.3,
      }),
      row("  the broker's processor time", "s/GB", figures.ours?.cpu ?? [], figures.kafka?.cpu ?? []),
    );
  }
  return rows;
}

async function sendRaw(subject: BrokerSubject, topic: string, load: RawLoad): Promise<number> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "raw-sender.ts"), subject.bootstrapServers, topic, JSON.stringify(load)],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const { code, stdout, stderr } = await finished(child);
  if (code !== 0) throw new Error(`the raw sender failed:\n${stdout}${stderr}`);
  return JSON.parse(stdout).seconds;
}

/** One record at a time, produced and consumed (`latency.ts`). */
export async function latency(subjects: Subjects, rounds: number): Promise<Row[]> {
  const figures = await takeTurns(subjects, rounds, (subject) =>
    withTopic(subject, async (topic): Promise<Figures> => {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, "latency.ts"), subject.bootstrapServers, topic],
        { stdio: ["ignore", "pipe", "pipe"] },
      );
      const { code, stdout, stderr } = await finished(child);
      if (code !== 0) throw new Error(`measuring latency failed:\n${stdout}${stderr}`);
      return JSON.parse(stdout);
    }),
  );
  return [
    row("produce to consume, 100 B, p50", "ms", figures.ours?.p50 ?? [], figures.kafka?.p50 ?? [], {
      of: "ratio",
      most: 1,
    }),
    row("produce to consume, 100 B, p99", "ms", figures.ours?.p99 ?? [], figures.kafka?.p99 ?? [], {
      of: "ratio",
      most: 1,
    }),
  ];
}

export function memoryAfterLoad(subjects: Subjects): Row {
  return row("resident after the load above", "MB", [residentMb(subjects.ours.pid)], [residentMb(subjects.kafka.pid)], {
    of: "value",
    most: 200,
  });
}
