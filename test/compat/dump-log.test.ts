/** Kafka's own DumpLogSegments reads what our broker wrote, without a complaint: logs, indexes, time indexes, producer snapshots, group records. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Admin, Consumer, Producer, string } from "@ottla/client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hasApacheKafka, runJava } from "../support/apache-kafka.ts";
import { startOttlaBroker } from "../support/ottla.ts";
import { describeWith } from "../support/requires.ts";

const complaint = /isvalid: false|Found timestamp mismatch|out of order|Mismatches in|corrupt|Exception|Could not/i;

describeWith("Apache Kafka's artifacts", hasApacheKafka(), "DumpLogSegments on our data directory", () => {
  let directory: string;

  const filesOf = (partition: string, ending: string) => {
    const folder = join(directory, "log", partition);
    return readdirSync(folder)
      .filter((name) => name.endsWith(ending))
      .map((name) => join(folder, name));
  };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "ottla-dump-"));
    const config = { "log.segment.bytes": "1048576", "offsets.topic.num.partitions": "1" };
    const broker = await startOttlaBroker({ dataDirectory: directory, config });
    const bootstrapServers = broker.bootstrapServers;
    const admin = new Admin({ bootstrapServers });
    await admin.createTopics([{ topic: "dump", partitions: 1 }]);
    await admin.close();
    for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
      const producer = new Producer({ bootstrapServers, key: string, value: string, compression });
      await Promise.all(
        Array.from({ length: 2000 }, (_, i) =>
          producer.send({
            topic: "dump",
            key: `key-${i}`,
            value: `${compression}-${i}-${randomBytes(200).toString("hex")}`,
          }),
        ),
      );
      await producer.close();
    }
    const consumer = new Consumer({
      bootstrapServers,
      groupId: "dump-group",
      key: string,
      value: string,
      autoOffsetReset: "earliest",
      enableAutoCommit: false,
    });
    await consumer.subscribe(["dump"]);
    for await (const message of consumer) {
      if (message.offset === 99) {
        await consumer.commit();
        break;
      }
    }
    await consumer.close();
    expect(await broker.stop("SIGTERM")).toBe(0);
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const dump = (files: string[], ...more: string[]) =>
    runJava("org.apache.kafka.tools.DumpLogSegments", ["--files", files.join(","), ...more]);

  it("reads the logs, with every record", async () => {
    const logs = filesOf("dump-0", ".log");
    expect(logs.length).toBeGreaterThan(1);
    const { code, stdout, stderr } = await dump(logs, "--deep-iteration", "--print-data-log");
    expect({ code, complaint: complaint.exec(stdout + stderr)?.[0] }).toEqual({ code: 0, complaint: undefined });
    expect(stdout.match(/^\| offset: /gm)?.length).toBe(10_000);
  });

  it.each([".index", ".timeindex"])("finds each %s in agreement with its log", async (ending) => {
    const { code, stdout, stderr } = await dump(filesOf("dump-0", ending), "--verify-index-only");
    expect({ code, complaint: complaint.exec(stdout + stderr)?.[0] }).toEqual({ code: 0, complaint: undefined });
  });

  it("reads the producer snapshots", async () => {
    const snapshots = filesOf("dump-0", ".snapshot");
    expect(snapshots.length).toBeGreaterThan(0);
    const { code, stdout, stderr } = await dump(snapshots);
    expect({ code, complaint: complaint.exec(stdout + stderr)?.[0] }).toEqual({ code: 0, complaint: undefined });
    expect(stdout).toMatch(/producerId: \d+ producerEpoch: 0/);
  });

  it("decodes the group's records", async () => {
    const { code, stdout, stderr } = await dump(filesOf("__consumer_offsets-0", ".log"), "--offsets-decoder");
    expect({ code, complaint: complaint.exec(stdout + stderr)?.[0] }).toEqual({ code: 0, complaint: undefined });
    expect(stdout).toMatch(/"group":"dump-group","topic":"dump","partition":0/);
    expect(stdout).toMatch(/"offset":100/);
    expect(stdout).toMatch(/"protocolType":"consumer"/);
  });
});
