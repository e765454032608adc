import { describe, expect, it } from "vitest";
import { describeDisk } from "../test/disk-conformance.ts";
import { memoryDisk } from "./memory-disk.ts";

describeDisk("memoryDisk", () => {
  const disk = memoryDisk();
  disk.makeDirectory("/some/where");
  return { disk, root: "/some/where/", until: (promise) => promise };
});

describe("memoryDisk", () => {
  it("takes relative and absolute paths for the same", () => {
    const disk = memoryDisk();
    disk.makeDirectory("a/./b/../c");
    expect(disk.list("/a")).toMatchObject([{ name: "c" }]);
  });

  it("costs an append what the append brings, not what is there", () => {
    const file = memoryDisk().open("a", "create");
    const chunk = Buffer.alloc(1000, 7);
    for (let i = 0; i < 100_000; i++) file.write(i * chunk.length, [chunk]);
    expect(file.size()).toBe(100_000_000);
  });
});
