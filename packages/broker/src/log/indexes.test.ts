import { BatchView } from "@ottla/protocol";
import { memoryDisk, simRandom } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { batchOf, testEnvironment, testRuntime } from "../../test/logs.ts";
import { OffsetIndex } from "./offset-index.ts";
import { OpenFiles } from "./open-files.ts";
import { Segment } from "./segment.ts";
import { TimeIndex } from "./time-index.ts";

const scratch = Buffer.alloc(4096);
const sizes = [0, 1, 2, 3, 511, 512, 513, 1024, 1500, 5000];

function files() {
  const disk = memoryDisk();
  return { disk, open: new OpenFiles(disk, 10) };
}

describe("an offset index", () => {
  it.each(sizes)(
    "of %i entries finds what a plain search finds, whatever is in memory and whatever on disk",
    (count) => {
      const random = simRandom(count);
      const { open } = files();
      const base = 1_000_000_000_000;
      const index = new OffsetIndex(open.file("/index", "create"), base, scratch, true);
      const entries: { offset: number; position: number }[] = [];
      let offset = base;
      let position = 0;
      for (let i = 0; i < count; i++) {
        offset += 1 + random.integer(50);
        position += 1 + random.integer(5000);
        entries.push({ offset, position });
        index.append(offset, position);
      }
      const check = (checked: OffsetIndex) => {
        expect(checked.count).toBe(count);
        for (let i = 0; i < 200; i++) {
          const target = base + random.integer(offset - base + 100);
          const floor = entries.findLast((entry) => entry.offset <= target);
          expect(checked.lookup(target)).toBe(floor?.position ?? 0);
        }
        for (const i of [0, 1, count >> 1, count - 1]) expect(checked.entry(i)).toEqual(entries[i] ?? null);
      };
      check(index);
      index.seal();
      check(index);
      check(new OffsetIndex(open.file("/index"), base, scratch, false));
      expect(index.isSound(position + 1)).toBe(true);
      if (count > 0) expect(index.isSound(position)).toBe(false);
    },
  );

  it("goes on where the file ended", () => {
    const { open } = files();
    const first = new OffsetIndex(open.file("/index", "create"), 0, scratch, true);
    for (let i = 1; i <= 600; i++) first.append(i * 10, i * 100);
    first.flush();
    const second = new OffsetIndex(open.file("/index"), 0, scratch, false);
    for (let i = 601; i <= 700; i++) second.append(i * 10, i * 100);
    for (let i = 1; i <= 700; i++) expect(second.lookup(i * 10 + 5)).toBe(i * 100);
    second.reset();
    expect([second.count, second.lookup(100)]).toEqual([0, 0]);
  });
});

describe("a time index", () => {
  it.each(sizes)("of %i entries finds what a plain search finds", (count) => {
    const random = simRandom(count);
    const { open } = files();
    const index = new TimeIndex(open.file("/timeindex", "create"), 50, scratch, true);
    const entries: { timestampMs: number; offset: number }[] = [];
    let timestampMs = 1_700_000_000_000;
    let offset = 50;
    for (let i = 0; i < count; i++) {
      timestampMs += random.integer(3);
      offset += 1 + random.integer(10);
      const last = entries.at(-1);
      if (last === undefined || timestampMs > last.timestampMs) entries.push({ timestampMs, offset });
      index.maybeAppend(timestampMs, offset);
    }
    index.seal();
    for (const checked of [index, new TimeIndex(open.file("/timeindex"), 50, scratch, false)]) {
      expect(checked.count).toBe(entries.length);
      expect(checked.last()).toEqual(entries.at(-1) ?? null);
      expect(checked.isSound()).toBe(true);
      for (let i = 0; i < 200; i++) {
        const target = 1_699_999_999_990 + random.integer(3 * count + 50);
        const floor = entries.findLast((entry) => entry.timestampMs <= target);
        expect(checked.lookup(target)).toBe(floor?.offset ?? 50);
      }
    }
  });
});

describe("a segment", () => {
  function filled(count: number, indexIntervalBytes: number) {
    const runtime = testRuntime();
    runtime.disk.makeDirectory("/data/log/t-0");
    const environment = testEnvironment(runtime);
    const segment = new Segment(environment, "/data/log/t-0", 1000, null);
    const random = simRandom(count);
    const batches: { first: number; last: number; position: number }[] = [];
    let offset = 1000;
    for (let i = 0; i < count; i++) {
      const records = Array.from({ length: 1 + random.integer(4) }, () => ({ value: "v".repeat(random.integer(300)) }));
      // Compaction leaves gaps.
      offset += random.integer(3);
      const bytes = batchOf(records, { baseOffset: offset });
      batches.push({ first: offset, last: offset + records.length - 1, position: segment.size });
      segment.noteBatch(new BatchView(bytes, 0), indexIntervalBytes);
      segment.write([bytes], bytes.length);
      offset += records.length;
    }
    return { segment, batches, end: offset, environment };
  }

  it.each([0, 300, 4096])("finds the batch of any offset, with an index entry every %i bytes", (interval) => {
    const { segment, batches, end } = filled(120, interval);
    for (let offset = 990; offset < end + 10; offset++) {
      const batch = batches.find(({ last }) => last >= offset);
      expect(segment.findPosition(offset)).toBe(batch?.position ?? -1);
    }
  });

  it("builds its index anew where that leads nowhere", () => {
    const { segment, batches } = filled(120, 300);
    segment.seal();
    const path = segment.offsetIndex.file.path;
    // Positions that lie in the middle of batches.
    const file = segment.offsetIndex.file.get();
    const count = segment.offsetIndex.count;
    expect([count > 10, path.endsWith(".index")]).toEqual([true, true]);
    for (let i = 0; i < count; i++) {
      const entry = Buffer.alloc(4);
      file.read(i * 8 + 4, entry);
      entry.writeInt32BE(entry.readInt32BE(0) + 5);
      file.write(i * 8 + 4, [entry]);
    }
    for (const { last, position } of batches) expect(segment.findPosition(last)).toBe(position);
    // The new one has an entry every 4,096 bytes, not every 300.
    expect(segment.offsetIndex.count).toBeLessThan(count);
  });
});
