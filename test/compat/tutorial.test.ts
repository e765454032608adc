/**
 * The tutorial's Python programs, unmodified, with Debian's kafka-python against our broker on the port they were written for. Two of them have faults of
 * their own, which they must show here as they do against Apache Kafka.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type OttlaBroker, runTool, startOttlaBroker } from "../support/ottla.ts";
import { Program } from "../support/processes.ts";
import { canRun, describeWith } from "../support/requires.ts";

const python = "/usr/bin/python3";
const installed = canRun(python, "-c", "import kafka, snappy");
const server = ["--bootstrap-server", "localhost:9092"];

function run(program: string, ...args: string[]): Program {
  return new Program(python, ["-u", join(import.meta.dirname, "tutorial", `${program}.py`), ...args]);
}

/** Who owns which partitions of `order-events`, as `kafka-consumer-groups --describe` prints it: one sorted list of partitions a member. */
async function owners(group: string): Promise<number[][]> {
  const { stdout } = await runTool("kafka-consumer-groups", ...server, "--describe", "--group", group);
  const byMember = new Map<string, number[]>();
  for (const line of stdout.split("\n")) {
    const columns = line.trim().split(/\s+/);
    const [name, topic, partition, , , , member] = columns;
    if (name !== group || topic !== "order-events" || member === undefined || member === "-") continue;
    byMember.set(member, [...(byMember.get(member) ?? []), Number(partition)]);
  }
  return [...byMember.values()].map((partitions) => partitions.sort()).sort();
}

/** Asks again until the group looks as expected; the assertion tells what it looked like last. */
async function expectOwners(group: string, expected: number[][]): Promise<void> {
  await expect.poll(() => owners(group), { timeout: 90_000, interval: 500 }).toEqual(expected);
}

describeWith("kafka-python (python3-kafka, python3-snappy)", installed, "the tutorial in Python", () => {
  let broker: OttlaBroker | undefined;

  beforeAll(async () => {
    broker = await startOttlaBroker({ port: 9092 });
    const created = await runTool(
      "kafka-topics",
      ...server,
      "--create",
      "--topic",
      "order-events",
      "--partitions",
      "6",
      "--replication-factor",
      "1",
    );
    expect(created.stdout).toBe("Created topic order-events.\n");
  });

  afterAll(async () => {
    await broker?.stop();
  });

  it("produces keyed orders and shows where they went", async () => {
    const producer = run("producer_with_keys");
    expect(await producer.ended).toBe(0);
    expect(producer.lines.filter((line) => /Order \d\d \| Customer: customer-\d/.test(line))).toHaveLength(30);
    const counts = producer.lines.flatMap(
      (line) => /^.*Partition (\d): +(\d+) messages (█+)$/.exec(line)?.slice(1) ?? [],
    );
    expect(counts.length).toBeGreaterThan(0);
    const perCustomer = new Map<string, Set<string>>();
    for (const line of producer.lines) {
      const match = /Customer: (customer-\d) .* Partition: (\d)/.exec(line);
      if (match) perCustomer.set(match[1]!, (perCustomer.get(match[1]!) ?? new Set()).add(match[2]!));
    }
    // One customer, one partition: the key decides.
    expect([...perCustomer.values()].every((partitions) => partitions.size === 1)).toBe(true);
  });

  it("commits by the four strategies", async () => {
    const strategies = run("offset_strategies");
    expect(await strategies.ended).toBe(0);
    expect(strategies.output).toContain("(offset auto-committed)");
    expect(strategies.output).toMatch(/✓ Committed offset \d/);
    expect(strategies.output).toContain("✓ Async committed:");
    expect(strategies.output).toContain("✓ Committed batch");
    expect(strategies.output).toContain("✓ Committed final batch");
    expect(strategies.output).not.toContain("Commit failed");
  });

  it("reads everything with a single consumer", async () => {
    const consumer = run("single_consumer");
    await consumer.until(
      () => (consumer.lines.filter((line) => line.includes("📦 Partition:")).length === 30 ? true : undefined),
      "30 orders",
    );
    await expectOwners("order-processing-group", [[0, 1, 2, 3, 4, 5]]);
    expect(await consumer.stop("SIGINT")).toBe(0);
    expect(consumer.output).toContain("Messages consumed per partition:");
    await expectOwners("order-processing-group", []);
  });

  it("gives three consumers two partitions each and the dead one's to the others", async () => {
    const consumers = [
      run("consumer_group", "--id", "1"),
      run("consumer_group", "--id", "2"),
      run("consumer_group", "--id", "3"),
    ];
    try {
      await expectOwners("order-processing-group", [
        [0, 1],
        [2, 3],
        [4, 5],
      ]);
      // The tutorial's session timeout is 30 s; a killed consumer is missed only then.
      consumers[1]!.child.kill("SIGKILL");
      await expectOwners("order-processing-group", [
        [0, 1, 2],
        [3, 4, 5],
      ]);
    } finally {
      await Promise.all(consumers.map((consumer) => consumer.stop("SIGINT")));
    }
    await expectOwners("order-processing-group", []);
  });

  it("shows the two faulty programs' own faults", async () => {
    const assignment = run("custom_assignment");
    expect(await assignment.ended).not.toBe(0);
    expect(assignment.output).toContain("ImportError: cannot import name 'StickyPartitionAssignor'");
    const listener = run("rebalance_listener", "--id", "1");
    expect(await listener.ended).not.toBe(0);
    expect(listener.output).toContain("ConsumerRebalanceListener");
  });
});
