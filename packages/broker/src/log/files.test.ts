import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { memoryDisk, simRandom } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { testData, testTopicId, writeInto } from "../../test/logs.ts";
import { BufferPool } from "./buffer-pool.ts";
import { formatOffsetCheckpoint, parseOffsetCheckpoint } from "./checkpoint-file.ts";
import {
  deletedDirectoryName,
  isDeletedDirectoryName,
  parsePartitionDirectoryName,
  parseSegmentFileName,
  segmentFileName,
} from "./file-names.ts";
import { OffsetMap } from "./offset-map.ts";
import { OpenFiles } from "./open-files.ts";
import { readTopicId, writePartitionMetadata } from "./partition-metadata.ts";
import { SyncScheduler, type SyncTarget } from "./sync-scheduler.ts";

describe("file names", () => {
  it("are Kafka's", () => {
    expect(segmentFileName(42, "log")).toBe("00000000000000000042.log");
    expect(segmentFileName(42, "timeindex", "swap")).toBe("00000000000000000042.timeindex.swap");
    expect(parseSegmentFileName("00000000000000000042.txnindex.deleted")).toEqual({
      offset: 42,
      kind: "txnindex",
      state: "deleted",
    });
    for (const name of [
      "42.log",
      "00000000000000000042.log.bak",
      "99999999999999999999.log",
      "leader-epoch-checkpoint",
    ]) {
      expect(parseSegmentFileName(name)).toBeNull();
    }
  });

  it("of directories are a topic and a number", () => {
    expect(parsePartitionDirectoryName("a-b-12")).toEqual({ topic: "a-b", index: 12 });
    for (const name of ["a", "a-", "a-01", "-1", "a b-1", "a-1.abc-delete", "cleaner"])
      expect(parsePartitionDirectoryName(name)).toBeNull();
    const deleted = deletedDirectoryName("x".repeat(249), 99_999, "0".repeat(32));
    expect(deleted.length).toBe(255);
    expect(isDeletedDirectoryName(deleted)).toBe(true);
    expect(isDeletedDirectoryName("my-delete-0")).toBe(false);
  });
});

describe("checkpoint files", () => {
  it("are read and written as Kafka does", () => {
    const directory = join(testData, "kafka-directory");
    for (const name of readdirSync(directory).filter((file) => file.endsWith("-checkpoint"))) {
      const content = readFileSync(join(directory, name));
      const offsets = parseOffsetCheckpoint(content)!;
      if (content.length > 0) expect(formatOffsetCheckpoint(offsets).toString()).toBe(content.toString());
      else expect(offsets.size).toBe(0);
    }
    expect(parseOffsetCheckpoint(Buffer.from("0\n1\nt-x 3 7\n"))).toEqual(new Map([["t-x-3", 7]]));
    for (const text of ["1\n0\n", "0\n2\nt 0 1\n", "0\n1\nt 0\n", "0\n1\nt 0 x\n", "0\n1\nt 0 1", "0"]) {
      expect([text, parseOffsetCheckpoint(Buffer.from(text))]).toEqual([text, null]);
    }
  });

  it("of a partition's topic are read and written as Kafka does", () => {
    const disk = memoryDisk();
    disk.makeDirectory("/d");
    expect(readTopicId(disk, "/d")).toBeNull();
    writePartitionMetadata(disk, "/d", testTopicId);
    expect(readTopicId(disk, "/d")).toBe(testTopicId);
    writeInto(disk, "/d/partition.metadata", Buffer.from("version: 1\ntopic_id: x"));
    expect(readTopicId(disk, "/d")).toBeNull();
  });
});

describe("a buffer pool", () => {
  it("keeps buffers in classes of powers of two, up to its bound", () => {
    const pool = new BufferPool(20_000);
    const buffers = [pool.acquire(1), pool.acquire(4096), pool.acquire(4097), pool.acquire(10_000)];
    expect(buffers.map((buffer) => buffer.length)).toEqual([4096, 4096, 8192, 16_384]);
    for (const buffer of buffers) pool.release(buffer);
    expect(pool.keptBytes).toBe(16_384);
    expect(pool.acquire(5000)).toBe(buffers[2]);
    expect(pool.acquire(9000)).not.toBe(buffers[3]);
  });

  it("keeps none that is larger than its largest class", () => {
    const pool = new BufferPool(2 ** 40);
    const large = pool.acquire(2 ** 24 + 1);
    expect(large.length).toBe(2 ** 24 + 1);
    pool.release(large);
    expect(pool.keptBytes).toBe(0);
  });
});

describe("open files", () => {
  it("are closed in the order of their last use, and opened again", () => {
    const files = new OpenFiles(memoryDisk(), 2);
    const [a, b, c] = ["/a", "/b", "/c"].map((path) => files.file(path, "create")) as [never, never, never];
    const use = (file: ReturnType<OpenFiles["file"]>) => file.get();
    const firstA = use(a);
    use(b);
    expect(use(a)).toBe(firstA);
    use(c);
    expect(files.openCount).toBe(2);
    expect(use(a)).toBe(firstA);
    use(b);
    use(c);
    expect(use(a)).not.toBe(firstA);
  });

  it("that were removed need no sync, and are not made again by one", async () => {
    const disk = memoryDisk();
    const file = new OpenFiles(disk, 2).file("/a", "create");
    file.get();
    file.remove();
    await file.sync();
    expect(disk.stat("/a")).toBeNull();
    file.get();
    await file.sync();
    expect(disk.stat("/a")).not.toBeNull();
  });
});

describe("the sync scheduler", () => {
  it("asks those with the most unsynced, and lets writers wait beyond the bound", () => {
    const scheduler = new SyncScheduler(100, 200);
    const asked: string[] = [];
    const target = (name: string): SyncTarget => ({ requestSync: () => asked.push(name) });
    const [a, b] = [target("a"), target("b")];
    scheduler.wrote(a, 40);
    scheduler.wrote(b, 50);
    expect([asked, scheduler.isFull]).toEqual([[], false]);
    scheduler.wrote(a, 30);
    expect(asked).toEqual(["a"]);
    scheduler.wrote(b, 80);
    expect([asked, scheduler.isFull]).toEqual([["a", "b"], true]);
    let wasCalled = false;
    scheduler.whenRoom(() => {
      wasCalled = true;
    });
    scheduler.synced(a, 70);
    expect([wasCalled, scheduler.unsyncedBytes]).toEqual([true, 130]);
    scheduler.forget(b);
    expect(scheduler.unsyncedBytes).toBe(0);
  });
});

describe("the map of a compaction", () => {
  it("has the newest offset of each key, as it grows and when it is full", () => {
    const random = simRandom(3);
    const map = new OffsetMap(64 * 1024);
    const plain = new Map<string, number>();
    for (let offset = 0; map.room > 0; offset++) {
      const key = `key ${random.integer(4000)}`;
      map.put(Buffer.from(key), offset);
      plain.set(key, offset);
    }
    expect(map.size).toBe(plain.size);
    expect(map.size).toBeGreaterThan(2400);
    for (let i = 0; i < 4000; i++) expect(map.get(Buffer.from(`key ${i}`))).toBe(plain.get(`key ${i}`) ?? -1);
    // One batch too many still finds a place.
    for (let i = 0; i < 3000; i++) map.put(Buffer.from(`more ${i}`), i);
    expect(map.get(Buffer.from("more 2999"))).toBe(2999);
  });
});
