import { memoryDisk } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { MetadataDamagedError, MetadataLog } from "./metadata-log.ts";
import type { MetadataRecord } from "./metadata-records.ts";
import { MetadataState } from "./metadata-state.ts";

const clusterId = "AAAAAAAAAAAAAAAAAAAAFQ";
const topicId = "BBBBBBBBBBBBBBBBBBBBBQ";
const directory = "/data";
const path = `${directory}/metadata.log`;

const changes: MetadataRecord[][] = [
  [
    { kind: "cluster", clusterId, nodeId: 1 },
    { kind: "leaderEpoch", leaderEpoch: 0 },
  ],
  [
    { kind: "topic", topicId, name: "orders", partitionCount: 3 },
    { kind: "config", resourceType: 2, resourceName: "orders", name: "retention.ms", value: "1" },
  ],
  [{ kind: "producerIds", nextProducerId: 1000 }],
];

function disk() {
  const made = memoryDisk();
  made.makeDirectory(directory);
  return made;
}

async function written(target = disk()) {
  const { log } = MetadataLog.open(target, directory);
  for (const change of changes) await log.append(change);
  log.close();
  return target;
}

function replace(target: ReturnType<typeof disk>, bytes: Buffer) {
  target.remove(path);
  const file = target.open(path, "create");
  file.write(0, [bytes]);
  file.close();
}

describe("the metadata log", () => {
  it("gives back what was appended", async () => {
    const target = await written();
    expect(MetadataLog.open(target, directory).changes).toEqual(changes);
  });

  it("loses at most the change that was cut, wherever that was", async () => {
    const whole = (await written()).readFile(path);
    for (let size = 0; size < whole.length; size++) {
      const target = disk();
      replace(target, whole.subarray(0, size));
      const { changes: found, log, cutBytes } = MetadataLog.open(target, directory);
      expect(changes.slice(0, found.length)).toEqual(found);
      expect(target.stat(path)!.size + cutBytes).toBe(size);
      await log.append(changes[0]!);
      log.close();
      expect(MetadataLog.open(target, directory).changes).toEqual([...found, changes[0]]);
    }
  });

  it("loses no more to a write of which the disk has only the place, or its first bytes", async () => {
    const whole = (await written()).readFile(path);
    const size = (await written()).stat(path)!.size;
    for (let kept = 0; kept < 12; kept++) {
      const target = disk();
      const torn = Buffer.alloc(60);
      whole.copy(torn, 0, 0, kept);
      replace(target, Buffer.concat([whole, torn]));
      const { changes: found, cutBytes } = MetadataLog.open(target, directory);
      expect([found, cutBytes, target.stat(path)!.size]).toEqual([changes, 60, size]);
    }
  });

  it("refuses damage in front of sound changes, and leaves the file alone", async () => {
    const whole = (await written()).readFile(path);
    const last = MetadataLog.open(await written(), directory).changes.length;
    expect(last).toBe(3);
    for (let position = 0; position < whole.length; position++) {
      const damaged = Buffer.from(whole);
      damaged[position] = damaged[position]! ^ 0x10;
      const target = disk();
      replace(target, damaged);
      try {
        // Damage within the last change cannot be told from a torn one.
        expect(MetadataLog.open(target, directory).changes).toEqual(changes.slice(0, 2));
      } catch (error) {
        expect(error).toBeInstanceOf(MetadataDamagedError);
        expect(target.readFile(path).equals(damaged)).toBe(true);
      }
    }
  });

  it("says when a newer version wrote it", async () => {
    const target = await written();
    const { log } = MetadataLog.open(target, directory);
    await log.append([{ kind: "producerIds", nextProducerId: 5 }]);
    const bytes = target.readFile(path);
    const lastEntry = bytes.lastIndexOf("OTMD");
    bytes.writeInt16BE(99, lastEntry + 16);
    const { crc32c } = await import("@ottla/protocol");
    bytes.writeUInt32BE(crc32c(bytes.subarray(lastEntry + 12)), lastEntry + 8);
    replace(target, bytes);
    expect(() => MetadataLog.open(target, directory)).toThrow("a newer version of Ottla wrote it");
  });

  it("is rewritten as a snapshot of the same state", async () => {
    const target = await written();
    const opened = MetadataLog.open(target, directory);
    const state = new MetadataState();
    for (const change of opened.changes) for (const record of change) state.apply(record);
    for (let n = 0; !opened.log.isDueForRewrite; n++) {
      const change: MetadataRecord[] = [{ kind: "producerIds", nextProducerId: n * 1000 }];
      await opened.log.append(change);
      for (const record of change) state.apply(record);
    }
    await opened.log.rewrite([...state.snapshot()]);
    expect(target.stat(path)!.size).toBeLessThan(1000);
    await opened.log.append([{ kind: "topicRemoved", topicId }]);
    opened.log.close();
    const again = new MetadataState();
    for (const change of MetadataLog.open(target, directory).changes) for (const record of change) again.apply(record);
    expect(again.topics.size).toBe(0);
    expect(again.clusterId).toBe(clusterId);
    expect(again.nextProducerId).toBe(state.nextProducerId);
    expect([...again.deletedTopicIds]).toEqual([topicId]);
    expect(again.configsOf({ type: 2, name: "orders" }).size).toBe(0);
    expect(target.list(directory).map(({ name }) => name)).toEqual(["metadata.log"]);
  });

  it("appends nothing more after a failed sync", async () => {
    const target = disk();
    let fails = false;
    const failing: typeof target = Object.create(target, {
      open: {
        value: (name: string, mode: "create") => {
          const file = target.open(name, mode);
          return Object.assign(Object.create(file), {
            write: (position: number, chunks: Buffer[]) => file.write(position, chunks),
            sync: () => (fails ? Promise.reject(new Error("EIO")) : file.sync()),
            close: () => file.close(),
          });
        },
      },
      stat: { value: (name: string) => target.stat(name) },
      remove: { value: (name: string) => target.remove(name) },
      syncDirectory: { value: (name: string) => target.syncDirectory(name) },
    });
    const { log } = MetadataLog.open(failing, directory);
    await log.append(changes[0]!);
    fails = true;
    await expect(log.append(changes[1]!)).rejects.toThrow("EIO");
    fails = false;
    await expect(log.append(changes[2]!)).rejects.toThrow("EIO");
  });
});
