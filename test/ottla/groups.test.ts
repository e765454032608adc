/** What the tools show of a KIP-848 group: members of both protocols, a pattern, a static member, settings of its own. */
import { Broker } from "@ottla/broker";
import { Admin, Consumer, type ConsumerOptions, range, SubscriptionPattern } from "@ottla/client";
import { apis } from "@ottla/protocol";
import { nodeRuntime } from "@ottla/runtime";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runGroupCommand } from "../../packages/ottla/src/kafka/group-command.ts";
import { runOttla } from "../../packages/ottla/src/ottla/program.ts";
import { CapturedTerminal } from "../support/captured-terminal.ts";
import { RawClient } from "../support/raw-client.ts";

const group = "mixed";
let broker: Broker;
let admin: Admin;
const consumers: Consumer[] = [];

async function join(options: Partial<ConsumerOptions>, topics: readonly string[] | SubscriptionPattern): Promise<void> {
  const consumer = new Consumer({ bootstrapServers: broker.bootstrapServers, groupId: group, ...options });
  consumers.push(consumer);
  if (topics instanceof SubscriptionPattern) await consumer.subscribe(topics);
  else await consumer.subscribe(topics);
  // A member takes part in its group while it asks for messages.
  void (async () => {
    for await (const _message of consumer);
  })();
}

/** Asks until the group has settled with so many members. */
async function settled(count: number): Promise<void> {
  for (;;) {
    const [described] = await admin.describeGroups([group]).catch(() => []);
    if (described?.state !== "Stable" || described.members.length !== count) continue;
    if (described.members.every(({ assignment }) => assignment.length > 0)) return;
  }
}

beforeAll(async () => {
  broker = await Broker.start({
    port: 0,
    config: {
      "group.consumer.min.heartbeat.interval.ms": 50,
      "group.consumer.heartbeat.interval.ms": 50,
      "group.consumer.min.assignment.interval.ms": 0,
      "group.consumer.assignment.interval.ms": 0,
      "group.consumer.migration.policy": "bidirectional",
    },
  });
  admin = new Admin({ bootstrapServers: broker.bootstrapServers });
  await admin.createTopics([
    { topic: "orders", partitions: 6 },
    { topic: "payments", partitions: 2 },
  ]);
  await join({ clientId: "new", groupProtocol: "consumer" }, ["orders", "payments"]);
  const pattern = new SubscriptionPattern("ord.*|pay.*");
  await join({ clientId: "pattern", groupProtocol: "consumer", groupInstanceId: "static-p" }, pattern);
  await settled(2);
  await join({ clientId: "old", heartbeatIntervalMs: 50, partitionAssignmentStrategy: [range] }, ["orders"]);
  await settled(3);
});

afterAll(async () => {
  await Promise.all(consumers.map((consumer) => consumer.close()));
  await admin.close();
  await broker.close();
});

async function ottla(...args: string[]): Promise<string> {
  const terminal = new CapturedTerminal();
  expect(await runOttla([...args, "-b", broker.bootstrapServers], terminal), terminal.stderr).toBe(0);
  return terminal.stdout;
}

async function kafka(...args: string[]): Promise<string> {
  const terminal = new CapturedTerminal();
  expect(await runGroupCommand(["--bootstrap-server", broker.bootstrapServers, ...args], terminal)).toBe(0);
  return terminal.stdout;
}

it("ottla groups shows epochs, patterns, protocols and the group's own settings", async () => {
  const setting = "consumer.session.timeout.ms";
  expect(await ottla("groups", "alter", group, "--set", `${setting}=50000`)).toBe(`${group}: ${setting} = 50000\n`);
  const shown = await ottla("groups", "describe", group);
  expect(shown).toMatch(
    /^mixed: Stable, 3 members, uniform, \d+ messages behind\n {2}consumer protocol: group epoch (\d+), target assignment of epoch \1\n/,
  );
  expect(shown).toContain(`\n  ${setting} = 50000\n`);
  expect(shown).toMatch(/^client +host +epoch +partitions +pattern +protocol +member$/m);
  expect(shown).toMatch(/^pattern +127\.0\.0\.1 +\d+ +\S.* ord\.\*\|pay\.\* +consumer +static-p$/m);
  expect(shown).toMatch(/^old +127\.0\.0\.1 +\d+ +orders:[\d,]+ +- +classic /m);
  expect(await ottla("groups", "alter", group, "--unset", setting)).toContain("is back to its default");
  expect(await ottla("groups", "describe", group)).not.toContain(setting);
});

it("ottla groups has all of it as JSON, too", async () => {
  const [described] = JSON.parse(await ottla("groups", "describe", group, "--json"));
  expect(described).toMatchObject({
    type: "Consumer",
    assignor: "uniform",
    configs: {},
    groupEpoch: expect.any(Number),
  });
  expect(described.targetAssignmentEpoch).toBe(described.groupEpoch);
  const members = Map.groupBy(described.members, ({ clientId }: { clientId: string }) => clientId);
  const epoch = { memberEpoch: described.groupEpoch };
  expect(members.get("pattern")).toMatchObject([{ ...epoch, subscribedTopicRegex: "ord.*|pay.*", upgraded: true }]);
  expect(members.get("old")).toMatchObject([{ ...epoch, subscribedTopics: ["orders"], upgraded: false }]);
  expect(members.get("new")).toMatchObject([{ ...epoch, subscribedTopics: ["orders", "payments"], upgraded: true }]);
  for (const { assignment, targetAssignment } of described.members) expect(targetAssignment).toEqual(assignment);
});

it("ottla groups list filters by type and state", async () => {
  const listed = async (...filters: string[]) => JSON.parse(await ottla("groups", "list", ...filters, "--json"));
  expect(await listed("--type", "consumer")).toMatchObject([{ groupId: group, type: "Consumer", state: "Stable" }]);
  expect(await listed("--type", "classic")).toEqual([]);
  expect(await listed("--state", "empty,stable")).toHaveLength(1);
});

it("kafka-consumer-groups says who has been upgraded while a group is on its way", async () => {
  const [, header = "", ...rows] = (await kafka("--describe", "--group", group, "--members", "--verbose")).split("\n");
  expect(header).toMatch(/ CURRENT-EPOCH +CURRENT-ASSIGNMENT +TARGET-EPOCH +TARGET-ASSIGNMENT +UPGRADED$/);
  const upgraded = rows.flatMap((row) => / (new|pattern|old) .* (true|false)$/.exec(row)?.slice(1).join(" ") ?? []);
  expect(upgraded.sort()).toEqual(["new true", "old false", "pattern true"]);
});

it("kafka-consumer-groups leaves groups of others than consumers alone", async () => {
  const worker = await RawClient.connect(nodeRuntime().network, "127.0.0.1", broker.port);
  const body = {
    ...{ groupId: "connect-cluster", sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId: "" },
    ...{ protocolType: "connect", protocols: [{ name: "sessioned", metadata: Buffer.alloc(0) }] },
  };
  await worker.request(apis.joinGroup, body, 3);
  expect(await kafka("--describe", "--group", "connect-cluster")).toBe(
    "\nError: Executing consumer group command failed due to java.lang.IllegalArgumentException: GroupId connect-cluster is not a consumer group (connect).\n",
  );
  expect(await kafka("--list")).toBe(`${group}\n`);
  worker.close();
});
