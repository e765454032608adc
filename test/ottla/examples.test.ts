/** The programs of examples/order-events, as a user runs them, on a broker of ours. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { Broker } from "@ottla/broker";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Finished, finished } from "../support/apache-kafka.ts";
import { Program } from "../support/processes.ts";

const file = (name: string) => join(import.meta.dirname, "../../examples/order-events/src", `${name}.ts`);

let broker: Broker;
beforeAll(async () => {
  // Members of KIP-848 groups need not wait for 5 s.
  const config = {
    "group.consumer.min.heartbeat.interval.ms": 100,
    "group.consumer.heartbeat.interval.ms": 100,
    "group.consumer.min.assignment.interval.ms": 0,
    "group.consumer.assignment.interval.ms": 0,
  };
  broker = await Broker.start({ port: 0, config });
});
afterAll(() => broker.close());

const environment = () => ({ ...process.env, BOOTSTRAP_SERVERS: broker.bootstrapServers });

async function run(name: string): Promise<string> {
  const child = spawn(process.execPath, [file(name)], { env: environment() });
  const { code, stdout, stderr }: Finished = await finished(child);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
}

describe("examples/order-events", () => {
  it("producer-with-keys keeps a customer's orders together", async () => {
    const sent = [...(await run("producer-with-keys")).matchAll(/\| (customer-\d) \| .* \| (partition \d) /g)];
    expect(sent).toHaveLength(30);
    const customers = new Set(sent.map(([, customer]) => customer));
    expect(new Set(sent.map(([, customer, partition]) => `${customer} ${partition}`)).size).toBe(customers.size);
  });

  it("single-consumer handles them all", async () => {
    const consumer = new Program(process.execPath, [file("single-consumer")], { env: environment() });
    const handled = () => consumer.lines.filter((line) => /^partition \d \| offset/.test(line)).length;
    await consumer.until(() => handled() === 30 || undefined, "30 orders");
    expect(await consumer.stop("SIGINT")).toBe(0);
    expect(consumer.output).toContain("Messages consumed per partition:");
  });

  it("offset-strategies commits in four ways", async () => {
    const output = await run("offset-strategies");
    expect(output.match(/committed past offset/g)).toHaveLength(5);
    expect(output).toContain("committed a batch of");
  });

  it("custom-assignment shows what moves and who stands still", async () => {
    const output = await run("custom-assignment");
    expect(output).toMatch(/^range +0,1,2 → 0,1 +3,4,5 → 2,3 +4,5 +3 of 6 +\d+ ms +\d+ ms$/m);
    expect(output).toMatch(/^cooperative-sticky .* 2 of 6 /m);
    expect(output).toMatch(/^KIP-848 .* 2 of 6 /m);
    expect(output).toMatch(/^weight 3: \d,\d,\d$/m);
    expect(output).toContain("told of 0 changes meanwhile");
  });
});
