import { expect, test } from "vitest";
import { golden } from "../../test/record-data.ts";
import { BatchView } from "./batch-view.ts";
import {
  buildControlBatch,
  buildEndTransactionBatch,
  controlTypeOf,
  controlTypes,
  coordinatorEpochOf,
} from "./control.ts";
import { RecordIterator } from "./record-iterator.ts";

const controlBatches = golden.batches.filter((batch) => batch.isControl);

test.each(controlBatches)("$name is recognised", ({ name, hex }) => {
  const view = new BatchView(Buffer.from(hex, "hex"));
  expect(view.isControl).toBe(true);
  const records = new RecordIterator(view);
  expect(records.next()).toBe(true);
  const type = name.slice("control-".length).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  expect(controlTypeOf(records)).toBe(type);
  if (type === "commit" || type === "abort") expect(coordinatorEpochOf(records)).toBe(11);
});

test.each(["commit", "abort"] as const)("a %s marker is written as Kafka writes it", (type) => {
  const batch = golden.batches.find(({ name }) => name === `control-${type}`)!;
  const built = buildEndTransactionBatch(type, batch.baseTimestamp, 11, batch);
  expect(built.toString("hex")).toBe(batch.hex);
});

test("other control batches are written as Kafka writes them", () => {
  for (const type of ["leaderChange", "snapshotHeader", "snapshotFooter", "kraftVersion"] as const) {
    const name = `control-${type.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    const batch = golden.batches.find((each) => each.name === name)!;
    const value = Buffer.from(batch.records[0]!.value!, "base64");
    expect(buildControlBatch(type, batch.baseTimestamp, value, batch).toString("hex")).toBe(batch.hex);
  }
});

function withKey(key: Buffer | null): RecordIterator {
  const bytes = buildControlBatch("commit", 1, Buffer.alloc(0));
  const records = new RecordIterator(new BatchView(bytes));
  records.next();
  if (key === null) records.keyStart = -1;
  else {
    records.bytes = key;
    records.keyStart = 0;
    records.keyEnd = key.length;
  }
  return records;
}

test("keys of a later Kafka are unknown, and what is no control record's key is none", () => {
  expect(controlTypeOf(withKey(Buffer.from("00000007", "hex")))).toBe("unknown");
  expect(controlTypeOf(withKey(Buffer.from("0000ffff", "hex")))).toBe("unknown");
  expect(controlTypeOf(withKey(Buffer.from("0001000100", "hex")))).toBe("commit");
  expect(controlTypeOf(withKey(Buffer.from("ffff0001", "hex")))).toBe(undefined);
  expect(controlTypeOf(withKey(Buffer.from("000000", "hex")))).toBe(undefined);
  expect(controlTypeOf(withKey(null))).toBe(undefined);
  expect(coordinatorEpochOf(withKey(null))).toBe(undefined);
  expect(Object.values(controlTypes)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});
