/**
 * Apache Kafka for tests and benchmarks: one node (KRaft, combined mode) or one of its tools, run on the JVM from Maven's artifacts, which
 * `test/compat/foreign/install` puts below `.foreign/`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const foreign = join(import.meta.dirname, "../../.foreign");

export type KafkaVersion = "4.3.1" | "3.9.2";

/** Whether this version's artifacts are installed. */
export function hasApacheKafka(version: KafkaVersion = "4.3.1"): boolean {
  return existsSync(join(foreign, `kafka-${version}`));
}

export interface ApacheKafka {
  readonly bootstrapServers: string;
  readonly pid: number;
  /** Milliseconds from the start of the process until it answered. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** What a finished program left behind. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function classPath(version: KafkaVersion): string {
  return join(foreign, `kafka-${version}`, "*");
}

/** Starts a Java class with Kafka's artifacts (and `extraClassPath`) on its class path. */
export function spawnJava(
  mainClass: string,
  args: string[],
  version: KafkaVersion = "4.3.1",
  extraClassPath?: string,
): ChildProcess {
  const path = extraClassPath === undefined ? classPath(version) : `${extraClassPath}:${classPath(version)}`;
  return spawn("java", ["-Xmx1g", "-XX:+UseG1GC", "-cp", path, mainClass, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** Runs a Java class to its end. */
export function runJava(
  mainClass: string,
  args: string[],
  version: KafkaVersion = "4.3.1",
  input = "",
): Promise<Finished> {
  const child = spawnJava(mainClass, args, version);
  child.stdin?.end(input);
  return finished(child);
}

/** Collects a child's output until it ends. */
export function finished(child: ChildProcess): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}

/** Formats a fresh directory and starts one Apache Kafka node on free ports; resolves when it says that it is started. */
export async function startApacheKafka(
  options: { version?: KafkaVersion; config?: Record<string, string> } = {},
): Promise<ApacheKafka> {
  const version = options.version ?? "4.3.1";
  const directory = await mkdtemp(join(tmpdir(), "apache-kafka-"));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const config: Record<string, string> = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@localhost:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": join(directory, "log"),
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    ...options.config,
  };
  if (version.startsWith("3.")) {
    delete config["share.coordinator.state.topic.replication.factor"];
    delete config["share.coordinator.state.topic.min.isr"];
  }
  const properties = join(directory, "server.properties");
  await writeFile(
    properties,
    Object.entries(config)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  const format = await runJava(
    "kafka.tools.StorageTool",
    ["format", "-t", "b3R0bGEtdGVzdC1jbHVzdA", "-c", properties],
    version,
  );
  if (format.code !== 0)
    throw new Error(`formatting Apache Kafka's directory failed:\n${format.stdout}${format.stderr}`);
  const started = performance.now();
  const child = spawnJava("kafka.Kafka", [properties], version);
  const end = finished(child);
  const stop = async () => {
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await end;
    clearTimeout(killer);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await Promise.race([
      waitUntilAnswers(port),
      end.then(({ stdout, stderr }) =>
        Promise.reject(new Error(`Apache Kafka ended at once:\n${stdout.slice(-2000)}${stderr.slice(-2000)}`)),
      ),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { bootstrapServers: `127.0.0.1:${port}`, pid: child.pid ?? 0, readyMs: performance.now() - started, stop };
}

/** Asks for ApiVersions v0 until a whole answer comes back: the listener is open before the broker serves. */
async function waitUntilAnswers(port: number): Promise<void> {
  const { connect } = await import("node:net");
  const request = Buffer.from("0000000a00120000000000010000", "hex");
  for (let attempt = 0; attempt < 600; attempt++) {
    const answered = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(request));
      socket.setTimeout(1000, () => socket.destroy());
      socket.on("data", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
      socket.on("close", () => resolve(false));
    });
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("Apache Kafka did not answer within 30 s");
}
