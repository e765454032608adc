import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BatchCursor, errorCodes, RecordIterator } from "@ottla/protocol";
import { silentLogger } from "@ottla/runtime";
import { describe, expect, test } from "vitest";
import { FakeLog } from "../../test/coordinator/fake-log.ts";
import type { ClassicGroup } from "./classic-group.ts";
import { subscribedTopicsOf } from "./consumer-subscription.ts";
import { defaultGroupCoordinatorConfig } from "./group-config.ts";
import { GroupMachine } from "./group-machine.ts";
import { decodeGroupRecord, encodeGroupRecord } from "./group-record-codec.ts";
import { GroupReplay } from "./group-replay.ts";

const golden = join(import.meta.dirname, "../../test-data/golden");

interface FramedRecord {
  readonly key: string;
  readonly keyHex: string;
  readonly valueVersion: number;
  readonly valueHex: string;
  readonly keyJson: { readonly group: string; readonly topic: string; readonly partition: number };
  // biome-ignore lint/suspicious/noExplicitAny: as Kafka's converter wrote it.
  readonly valueJson: any;
}

/** The log of `__consumer_offsets-0` that Apache Kafka 4.3.1 wrote. */
function kafkasLog(): FakeLog {
  const log = new FakeLog();
  const bytes = readFileSync(join(golden, "kafka-directory/__consumer_offsets-0/00000000000000000000.log"));
  const cursor = new BatchCursor(bytes);
  while (cursor.next()) {
    const { baseOffset, nextOffset, position, size } = cursor.view;
    log.batches.push({ baseOffset, nextOffset, bytes: bytes.subarray(position, position + size) });
  }
  log.highWatermark = log.logEndOffset;
  return log;
}

function replayed(): GroupMachine {
  const machine = new GroupMachine(defaultGroupCoordinatorConfig);
  const replay = new GroupReplay(kafkasLog(), machine, silentLogger);
  while (!replay.step()) {}
  return machine;
}

describe("what Apache Kafka wrote", () => {
  const machine = replayed();
  const topicId = "ynlpIgjfSpuhFXQWJ5rgPQ";
  const partitionIndexes = [0, 1, 2, 3, 4, 5];
  const offsetsOf = (groupId: string) =>
    machine.committed
      .fetch(groupId, [{ name: "order-events", topicId, partitionIndexes }], true)[0]!
      .partitions.map((one) => one.committedOffset);

  test("its groups are found as they were", () => {
    expect([...machine.allGroups()].map((group) => group.id).sort()).toEqual([
      "modern-group",
      "order-processing-group",
      "partly",
      "tx-group",
    ]);
    const group = machine.group("order-processing-group") as ClassicGroup;
    expect(group).toMatchObject({ state: "Empty", generationId: 3, protocolType: "consumer", memberCount: 0 });
    expect(group.offsetExpiry()).toEqual({ sinceMs: 1_795_388_952_451 });
    expect(machine.group("modern-group")).toMatchObject({
      type: "Consumer",
      state: "Empty",
      groupEpoch: 5,
      assignmentEpoch: 3,
      assignmentTimestamp: 1_795_388_959_467,
    });
    expect(machine.group("partly")).toMatchObject({ state: "Empty", protocolType: "" });
  });

  test("and what they have committed, the transaction that was aborted left out", () => {
    expect(offsetsOf("order-processing-group")).toEqual([30, 30, 30, 30, 30, 30]);
    expect(offsetsOf("modern-group")).toEqual([30, 30, 30, 30, 30, 30]);
    expect(offsetsOf("partly")).toEqual([5, 5, -1, -1, -1, -1]);
    expect(offsetsOf("tx-group")).toEqual([7, -1, -1, -1, -1, -1]);
    expect(offsetsOf("gone")).toEqual([-1, -1, -1, -1, -1, -1]);
    const [all] = machine.committed.fetchAll("tx-group", true);
    expect(all!.partitions).toEqual([
      { partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: 0, metadata: "from a transaction", errorCode: 0 },
    ]);
  });

  test("its members while it had some", () => {
    const log = kafkasLog();
    // Up to the assignment of generation 2.
    while (log.logEndOffset > 6) log.batches.pop();
    const early = new GroupMachine(defaultGroupCoordinatorConfig);
    expect(new GroupReplay(log, early, silentLogger).step()).toBe(true);
    const group = early.group("order-processing-group") as ClassicGroup;
    expect(group).toMatchObject({ state: "Stable", generationId: 2, protocolName: "range", memberCount: 2 });
    expect([...group.subscribedTopics!]).toEqual(["order-events"]);
    const leader = "consumer-2-ec763fab-c71d-46c6-b7e9-cf3c11e2fb71";
    expect(group.leaderId).toBe(leader);
    expect(group.members.get(leader)).toMatchObject({
      clientId: "consumer-2",
      clientHost: "/127.0.0.1",
      rebalanceTimeoutMs: 300_000,
      sessionTimeoutMs: 45_000,
    });
    const beat = { groupId: "order-processing-group", memberId: leader, groupInstanceId: null };
    const now = { wall: 0, monotonic: 0 };
    expect(early.heartbeat({ ...beat, generationId: 2 }, now)).toBe(0);
    expect(early.heartbeat({ ...beat, generationId: 1 }, now)).toBe(errorCodes.ILLEGAL_GENERATION);
    expect(subscribedTopicsOf(group.members.get(leader)!.metadata("range")!)).toEqual(["order-events"]);
  });

  test("is written by us byte for byte", () => {
    let count = 0;
    for (const batch of kafkasLog().batches) {
      const cursor = new BatchCursor(batch.bytes);
      expect(cursor.next()).toBe(true);
      if (cursor.view.isControl) continue;
      const records = new RecordIterator(cursor.view);
      while (records.next()) {
        const [key, value] = [records.key()!, records.value()];
        const record = decodeGroupRecord(key, value);
        if (record === null) continue;
        expect(encodeGroupRecord(record)).toEqual({ key, value });
        count++;
      }
    }
    expect(count).toBe(59);
  });
});

describe("stored records of every version", () => {
  const { records } = JSON.parse(readFileSync(join(golden, "group-records.json"), "utf8")) as {
    records: FramedRecord[];
  };
  const bytesOf = (text: string) => Buffer.from(text, "hex");

  test.each(records.map((record) => [`${record.key} ${record.valueVersion}`, record] as const))("%s", (_, golden) => {
    const record = decodeGroupRecord(bytesOf(golden.keyHex), bytesOf(golden.valueHex));
    const { group, topic, partition } = golden.keyJson;
    if (golden.key === "GroupMetadataKey") {
      const { members, ...about } = golden.valueJson;
      expect(record).toMatchObject({ kind: "classicGroup", groupId: group, value: about });
      const stored = record!.kind === "classicGroup" ? record!.value! : null;
      expect(stored!.members.map((member) => Buffer.from(member.assignment).toString("base64"))).toEqual(
        members.map((member: { assignment: string }) => member.assignment),
      );
      if (golden.valueVersion < 2) expect(stored!.currentStateTimestamp).toBe(-1);
    } else {
      expect(record).toMatchObject({ kind: "offset", groupId: group, topic, partition, value: golden.valueJson });
    }
    const isWritten =
      golden.key === "GroupMetadataKey" ? golden.valueVersion === 3 : [1, 4].includes(golden.valueVersion);
    if (golden.key !== "LegacyOffsetCommitKey" && isWritten) {
      const encoded = encodeGroupRecord(record!);
      expect(encoded.key.toString("hex")).toBe(golden.keyHex);
      expect(encoded.value!.toString("hex")).toBe(golden.valueHex);
    }
  });

  test("a tombstone of each kind", () => {
    for (const { keyHex } of records) {
      const record = decodeGroupRecord(bytesOf(keyHex), null);
      expect(record!.value).toBeNull();
    }
  });

  test("a kind that is not known is left alone", () => {
    // A share group's.
    expect(decodeGroupRecord(Buffer.from([0, 11, 0, 1, 0x67]), null)).toBeNull();
  });
});
