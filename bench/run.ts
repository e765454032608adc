/**
 * `npm run bench [-- --only tools,raw,latency,start,topics,members,simulation,assignors,rebalances,defaults,steady,produce,consume] [--rounds 5] [--json FILE]`
 *
 * Starts Apache Kafka and our broker side by side, lets them take turns and prints ratios in one table. Needs a JVM and what
 * `test/compat/foreign/install` installs.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hasApacheKafka, startApacheKafka } from "../test/support/apache-kafka.ts";
import { startOttlaBroker } from "../test/support/ottla.ts";
import { assignors } from "./assignors.ts";
import { latency, memoryAfterLoad, performanceTools, rawSender, type Subjects } from "./broker-throughput.ts";
import { consuming, producing } from "./clients.ts";
import { manyTopics, start } from "./footprint.ts";
import { type Row, table } from "./measure.ts";
import { coordinatorMachine, idleMembers } from "./members.ts";
import { rebalances, sessionTimeoutMs } from "./rebalances.ts";
import { simulatedMinute } from "./simulation.ts";
import { steadyGroups } from "./steady-groups.ts";

const { values } = parseArgs({
  options: { only: { type: "string" }, rounds: { type: "string", default: "5" }, json: { type: "string" } },
});
const rounds = Number(values.rounds);
const only = values.only?.split(",");
const wanted = (name: string) => only === undefined || only.includes(name);

const machine = `${cpus().length} x ${cpus()[0]?.model}, ${Math.round(totalmem() / 1e9)} GB, ${process.platform}, Node ${process.version}`;
const report: { name: string; peer: string; rows: Row[] }[] = [];

/** After each section, so that a run that fails keeps what it has. */
function save(): void {
  if (values.json === undefined) return;
  const content = { machine, kafka: "4.3.1", rounds, sections: report };
  writeFileSync(values.json, `${JSON.stringify(content, null, 2)}\n`);
}

async function section(name: string, peer: string, measure: () => Promise<Row[]>): Promise<void> {
  if (!wanted(name)) return;
  const rows = await measure();
  report.push({ name, peer, rows });
  save();
  console.log(`\n${table(rows, peer)}`);
}

async function brokers(): Promise<void> {
  const names = ["tools", "raw", "latency"].filter(wanted);
  if (names.length === 0) return;
  const directory = mkdtempSync(join(tmpdir(), "ottla-bench-"));
  const ours = await startOttlaBroker({ dataDirectory: directory });
  const kafka = await startApacheKafka();
  const subjects: Subjects = {
    ours: { bootstrapServers: ours.bootstrapServers, pid: ours.program.child.pid ?? 0 },
    kafka,
  };
  try {
    await section("tools", "Apache Kafka", async () => [
      ...(await performanceTools(subjects, rounds)),
      memoryAfterLoad(subjects),
    ]);
    await section("raw", "Apache Kafka", async () => [
      ...(await rawSender(subjects, rounds)),
      memoryAfterLoad(subjects),
    ]);
    await section("latency", "Apache Kafka", () => latency(subjects, rounds));
  } finally {
    await ours.stop();
    await kafka.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Both brokers with no initial delay and short heartbeats, then as everybody has them, then with many groups at rest. */
async function groups(): Promise<void> {
  const quick = {
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": String(sessionTimeoutMs),
    "group.consumer.min.heartbeat.interval.ms": "200",
    "group.consumer.heartbeat.interval.ms": "200",
    "group.consumer.min.session.timeout.ms": String(sessionTimeoutMs),
    "group.consumer.session.timeout.ms": String(sessionTimeoutMs),
  };
  const runs = {
    rebalances: { ours: quick, kafka: quick },
    defaults: { ours: {}, kafka: { "group.initial.rebalance.delay.ms": "3000" } },
    steady: { ours: {}, kafka: {} },
  };
  for (const [name, config] of Object.entries(runs)) {
    if (!wanted(name)) continue;
    const directory = mkdtempSync(join(tmpdir(), "ottla-bench-"));
    const ours = await startOttlaBroker({ dataDirectory: directory, config: config.ours });
    const kafka = await startApacheKafka({ config: config.kafka });
    const subjects = {
      ours: { bootstrapServers: ours.bootstrapServers, pid: ours.program.child.pid ?? 0, clients: "ottla" },
      kafka: { bootstrapServers: kafka.bootstrapServers, pid: kafka.pid, clients: "java" },
    } as const;
    try {
      await section(name, "Apache Kafka", () =>
        name === "steady" ? steadyGroups(subjects) : rebalances(subjects, rounds, name === "rebalances"),
      );
    } finally {
      await ours.stop();
      await kafka.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

async function clients(): Promise<void> {
  if (!wanted("produce") && !wanted("consume")) return;
  const kafka = await startApacheKafka();
  try {
    await section("produce", "peer", () => producing(kafka.bootstrapServers, rounds));
    await section("consume", "peer", () => consuming(kafka.bootstrapServers, rounds));
  } finally {
    await kafka.stop();
  }
}

if (!hasApacheKafka()) {
  console.error("Apache Kafka is not installed: run test/compat/foreign/install");
  process.exit(1);
}
console.log(`${machine}, Apache Kafka 4.3.1, ${rounds} rounds, medians`);
await section("start", "-", () => start(rounds));
await section("topics", "-", () => manyTopics(rounds));
await section("members", "-", async () => [...(await coordinatorMachine()), ...(await idleMembers())]);
await section("assignors", "published", () => assignors(rounds));
await section("simulation", "-", () => simulatedMinute(rounds));
await brokers();
await groups();
await clients();
