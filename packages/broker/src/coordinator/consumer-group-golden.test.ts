import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BatchCursor, RecordIterator, storedKeyType } from "@ottla/protocol";
import { describe, expect, test } from "vitest";
import { ConsumerRig } from "../../test/coordinator/consumer-rig.ts";
import type { ConsumerGroupRecord } from "./consumer-group-records.ts";
import { decodeGroupRecord, encodeGroupRecord } from "./group-record-codec.ts";

const golden = join(import.meta.dirname, "../../test-data/golden");
const topicId = "ynlpIgjfSpuhFXQWJ5rgPQ";
const one = "5cmozOCYRHiBqJ2o3JmyjA";
const two = "K62M9j5sQTmmHGb92xYVqA";

/** The records of `modern-group` in the log that Apache Kafka 4.3.1 wrote, but for what it calls the hash of the topics. */
function kafkasRecords(): ConsumerGroupRecord[] {
  const records: ConsumerGroupRecord[] = [];
  const cursor = new BatchCursor(
    readFileSync(join(golden, "kafka-directory/__consumer_offsets-0/00000000000000000000.log")),
  );
  while (cursor.next()) {
    if (cursor.view.isControl) continue;
    const iterator = new RecordIterator(cursor.view);
    while (iterator.next()) {
      const key = Buffer.from(iterator.key()!);
      const value = iterator.value();
      if (storedKeyType(key) < 3) continue;
      records.push(withoutHash(decodeGroupRecord(key, value && Buffer.from(value)) as ConsumerGroupRecord));
    }
  }
  return records;
}

function withoutHash(record: ConsumerGroupRecord): ConsumerGroupRecord {
  if (record.kind !== "consumerGroup" || record.value === null || record.value.metadataHash === 0n) return record;
  return { ...record, value: { ...record.value, metadataHash: 1n } };
}

describe("what Apache Kafka writes for a group of the consumer protocol", () => {
  test("is what we write when the same requests come at the same times", () => {
    const rig = new ConsumerRig({}, { consumerAssignmentIntervalMs: 1_000 });
    rig.topic("order-events", 6, topicId);
    const at = (wall: number) => {
      rig.now = wall - 1_700_000_000_000;
    };
    const group = { groupId: "modern-group", subscribedTopicNames: ["order-events"] };
    const owned = (...partitions: number[]) => [{ topicId, partitions }];
    at(1_795_388_954_308);
    rig.joinGroup({ ...group, memberId: one, clientId: "modern-1" });
    rig.beat({
      groupId: group.groupId,
      memberId: one,
      memberEpoch: 2,
      clientId: "modern-1",
      topicPartitions: owned(0, 1, 2, 3, 4, 5),
    });
    at(1_795_388_954_400);
    rig.joinGroup({ ...group, memberId: two, clientId: "modern-2" });
    at(1_795_388_959_467);
    const beatTwo = (memberEpoch: number) =>
      rig.beat({ groupId: group.groupId, memberId: two, memberEpoch, clientId: "modern-2" });
    const beatOne = (memberEpoch: number, ...partitions: number[]) =>
      rig.beat({
        groupId: group.groupId,
        memberId: one,
        memberEpoch,
        clientId: "modern-1",
        topicPartitions: partitions.length === 0 ? null : owned(...partitions),
      });
    beatTwo(2);
    beatOne(2);
    beatOne(2, 0, 1, 2);
    beatTwo(-1);
    beatOne(-1);
    const ours = rig.log.map(({ key, value }) => withoutHash(decodeGroupRecord(key, value) as ConsumerGroupRecord));
    // Kafka's order of members within an assignment is that of a hash map.
    const theirs = kafkasRecords();
    expect(ours.map(sortKey).sort()).toEqual(theirs.map(sortKey).sort());
    expect(ours.map(({ kind }) => kind)).toEqual(theirs.map(({ kind }) => kind));
  });

  test("each record of the consumer protocol is read and written as Kafka does", () => {
    const { records } = JSON.parse(readFileSync(join(golden, "consumer-group-records.json"), "utf8")) as {
      records: { keyHex: string; valueHex: string }[];
    };
    expect(records).toHaveLength(7);
    for (const { keyHex, valueHex } of records) {
      const record = decodeGroupRecord(Buffer.from(keyHex, "hex"), Buffer.from(valueHex, "hex"))!;
      const again = encodeGroupRecord(record);
      expect(again.key.toString("hex")).toBe(keyHex);
      expect(decodeGroupRecord(again.key, again.value)).toEqual(record);
      expect(decodeGroupRecord(again.key, null)).toEqual({ ...record, value: null });
      // These hold their partitions in any order, which no broker writes.
      if (!["consumerCurrentAssignment", "consumerTargetMember", "consumerMember"].includes(record.kind)) {
        expect(again.value!.toString("hex")).toBe(valueHex);
      }
    }
  });
});

function sortKey(record: ConsumerGroupRecord): string {
  return encodeGroupRecord(record).key.toString("hex") + (encodeGroupRecord(record).value?.toString("hex") ?? "");
}
