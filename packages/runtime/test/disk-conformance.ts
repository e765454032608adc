import { beforeEach, describe, expect, it } from "vitest";
import { type Disk, DiskError, DiskLockedError } from "../src/index.ts";

/** A disk under test. */
export interface DiskBench {
  readonly disk: Disk;
  /** An existing empty directory, with `/` at its end. */
  readonly root: string;
  /** Waits for what the disk promised; a simulated disk's time passes meanwhile. */
  until<T>(promise: Promise<T>): Promise<T>;
}

function text(value: string): Buffer {
  return Buffer.from(value);
}

function codeOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(DiskError);
    return (error as DiskError).code;
  }
  return "nothing thrown";
}

/** What every `Disk` must do. */
export function describeDisk(name: string, makeBench: () => DiskBench): void {
  describe(`${name} as a Disk`, () => {
    let bench: DiskBench;
    let disk: Disk;
    let root: string;
    beforeEach(() => {
      bench = makeBench();
      disk = bench.disk;
      root = bench.root;
    });

    describeFiles(() => bench);
    describeNames(() => bench);

    it("locks against a second holder until the first lets go", () => {
      const lock = disk.lock(`${root}lock`);
      expect(() => disk.lock(`${root}lock`)).toThrow(DiskLockedError);
      expect(codeOf(() => disk.lock(`${root}lock`))).toBe("ELOCKED");
      const other = disk.lock(`${root}other`);
      lock.release();
      lock.release();
      const again = disk.lock(`${root}lock`);
      lock.release();
      expect(() => disk.lock(`${root}lock`)).toThrow(DiskLockedError);
      again.release();
      other.release();
      expect(disk.stat(`${root}lock`)).toMatchObject({ isDirectory: false });
    });

    it("refuses a lock in a directory that is not there", () => {
      expect(codeOf(() => disk.lock(`${root}none/lock`))).toBe("ENOENT");
    });
  });
}

function describeFiles(bench: () => DiskBench): void {
  const at = (name: string) => bench().root + name;

  it("opens a missing file only to create it", () => {
    const { disk } = bench();
    expect(codeOf(() => disk.open(at("a"), "read"))).toBe("ENOENT");
    expect(codeOf(() => disk.open(at("a"), "write"))).toBe("ENOENT");
    expect(codeOf(() => disk.open(at("none/a"), "create"))).toBe("ENOENT");
    expect(codeOf(() => disk.readFile(at("a")))).toBe("ENOENT");
    disk.open(at("a"), "create").close();
    expect(disk.open(at("a"), "read").size()).toBe(0);
    expect(disk.readFile(at("a"))).toHaveLength(0);
  });

  it("does not empty a file that is opened to create it", () => {
    const { disk } = bench();
    const file = disk.open(at("a"), "create");
    file.write(0, [text("kept")]);
    expect(disk.open(at("a"), "create").size()).toBe(4);
    expect(disk.readFile(at("a")).toString()).toBe("kept");
  });

  it("writes chunks one after the other at a position", () => {
    const { disk } = bench();
    const file = disk.open(at("a"), "create");
    file.write(0, [text("one "), text(""), text("two "), text("three")]);
    file.write(4, [text("TWO")]);
    file.write(13, []);
    expect(disk.readFile(at("a")).toString()).toBe("one TWO three");
    expect(file.size()).toBe(13);
  });

  it("writes more chunks than the system takes at once, and big ones", () => {
    const { disk } = bench();
    const file = disk.open(at("a"), "create");
    const chunks = Array.from({ length: 5000 }, (_, i) => Buffer.alloc(i % 7, i));
    chunks.push(Buffer.alloc(300_000, 9));
    file.write(3, chunks);
    expect(disk.readFile(at("a")).equals(Buffer.concat([Buffer.alloc(3), ...chunks]))).toBe(true);
  });

  it("keeps its own copy of what was written", () => {
    const { disk } = bench();
    const file = disk.open(at("a"), "create");
    const chunk = text("before");
    file.write(0, [chunk]);
    chunk.fill("x");
    expect(disk.readFile(at("a")).toString()).toBe("before");
  });

  it("reads up to the end of the file", () => {
    const { disk } = bench();
    const file = disk.open(at("a"), "create");
    file.write(0, [text("0123456789")]);
    const into = Buffer.alloc(4, "-");
    expect(file.read(2, into)).toBe(4);
    expect(into.toString()).toBe("2345");
    expect(file.read(8, into)).toBe(2);
    expect(into.toString()).toBe("8945");
    expect(file.read(10, into)).toBe(0);
    expect(file.read(100, into)).toBe(0);
  });

  it("reads holes as zeros", () => {
    const { disk } = bench();
    const file = disk.open(at("a"), "create");
    file.write(200_000, [text("end")]);
    expect(file.size()).toBe(200_003);
    const into = Buffer.alloc(100, 1);
    expect(file.read(65_500, into)).toBe(100);
    expect(into.equals(Buffer.alloc(100))).toBe(true);
  });

  it("cuts and extends", () => {
    const { disk } = bench();
    const file = disk.open(at("a"), "create");
    file.write(0, [text("0123456789")]);
    file.truncate(4);
    expect(disk.readFile(at("a")).toString()).toBe("0123");
    file.truncate(8);
    expect(disk.readFile(at("a")).toString()).toBe("0123\0\0\0\0");
    file.truncate(70_000);
    file.truncate(69_000);
    file.truncate(70_000);
    expect(disk.readFile(at("a"))).toHaveLength(70_000);
    file.truncate(0);
    expect(file.size()).toBe(0);
  });

  it("grows by many small appends", () => {
    const { disk } = bench();
    const file = disk.open(at("a"), "create");
    const expected = Buffer.alloc(150_000);
    for (let position = 0; position < expected.length; position += 100) {
      expected.fill(position / 100, position, position + 100);
      file.write(position, [expected.subarray(position, position + 100)]);
    }
    expect(disk.readFile(at("a")).equals(expected)).toBe(true);
  });

  it("refuses to write where only reading was asked for", () => {
    const { disk } = bench();
    disk.open(at("a"), "create").close();
    const file = disk.open(at("a"), "read");
    expect(codeOf(() => file.write(0, [text("x")]))).toBe("EBADF");
    expect(codeOf(() => file.truncate(1))).toBe("EINVAL");
  });

  it("syncs, also what is closed at once", async () => {
    const { disk, until } = bench();
    const file = disk.open(at("a"), "create");
    file.write(0, [text("x")]);
    file.syncBlocking();
    await until(Promise.all([file.sync(), file.sync(), disk.syncDirectory(bench().root)]));
    const last = file.sync();
    file.close();
    // Gets the descriptor of the closed one, were it closed before the sync has run.
    const next = disk.open(at("b"), "create");
    await until(last);
    next.write(0, [text("y")]);
    expect(disk.readFile(at("b")).toString()).toBe("y");
  });

  it("refuses everything once closed", async () => {
    const { disk, until } = bench();
    const file = disk.open(at("a"), "create");
    file.close();
    file.close();
    expect(codeOf(() => file.size())).toBe("EBADF");
    expect(codeOf(() => file.read(0, Buffer.alloc(1)))).toBe("EBADF");
    expect(codeOf(() => file.write(0, [text("x")]))).toBe("EBADF");
    expect(codeOf(() => file.syncBlocking())).toBe("EBADF");
    await expect(until(file.sync())).rejects.toMatchObject({ name: "DiskError", code: "EBADF" });
  });
}

function describeNames(bench: () => DiskBench): void {
  const at = (name: string) => bench().root + name;
  const write = (name: string, content: string) => {
    const file = bench().disk.open(at(name), "create");
    file.write(0, [text(content)]);
    file.close();
  };

  it("tells what is there", () => {
    const { disk } = bench();
    expect(disk.stat(at("a"))).toBeNull();
    write("a", "abc");
    disk.makeDirectory(at("d"));
    expect(disk.stat(at("a"))).toMatchObject({ name: "a", isDirectory: false, size: 3 });
    expect(disk.stat(at("d"))).toMatchObject({ name: "d", isDirectory: true, size: 0 });
    expect(disk.stat(at("d"))!.modifiedMs).toBeGreaterThan(1_600_000_000_000);
    expect(Number.isInteger(disk.stat(at("a"))!.modifiedMs)).toBe(true);
    expect(disk.stat(at("a/below"))).toBeNull();
  });

  it("lists by name", () => {
    const { disk } = bench();
    for (const name of ["b", "a", "Z", "10", "9"]) write(name, name);
    disk.makeDirectory(at("c"));
    expect(disk.list(bench().root).map((entry) => entry.name)).toEqual(["10", "9", "Z", "a", "b", "c"]);
    expect(disk.list(at("c"))).toEqual([]);
    expect(codeOf(() => disk.list(at("none")))).toBe("ENOENT");
    expect(codeOf(() => disk.list(at("a")))).toBe("ENOTDIR");
  });

  it("makes directories with their parents", () => {
    const { disk } = bench();
    disk.makeDirectory(at("x/y/z"));
    disk.makeDirectory(at("x/y/z"));
    disk.makeDirectory(at("x"));
    expect(disk.list(at("x/y"))).toMatchObject([{ name: "z", isDirectory: true }]);
    write("file", "");
    expect(codeOf(() => disk.makeDirectory(at("file")))).toBe("EEXIST");
    expect(codeOf(() => disk.open(at("x"), "write"))).toBe("EISDIR");
  });

  it("renames files over files, and directories", () => {
    const { disk } = bench();
    write("a", "new");
    write("b", "old");
    disk.rename(at("a"), at("b"));
    expect(disk.stat(at("a"))).toBeNull();
    expect(disk.readFile(at("b")).toString()).toBe("new");
    disk.makeDirectory(at("d/e"));
    write("d/e/f", "deep");
    disk.rename(at("d"), at("g"));
    expect(disk.readFile(at("g/e/f")).toString()).toBe("deep");
    disk.rename(at("b"), at("g/b"));
    expect(disk.readFile(at("g/b")).toString()).toBe("new");
    expect(codeOf(() => disk.rename(at("none"), at("x")))).toBe("ENOENT");
    expect(codeOf(() => disk.rename(at("g/b"), at("none/x")))).toBe("ENOENT");
    disk.makeDirectory(at("full/x"));
    expect(codeOf(() => disk.rename(at("g"), at("full")))).toBe("ENOTEMPTY");
    expect(codeOf(() => disk.rename(at("g"), at("g/e/inside")))).toBe("EINVAL");
  });

  it("keeps an open file through a rename and a removal", () => {
    const { disk } = bench();
    const file = disk.open(at("a"), "create");
    file.write(0, [text("one")]);
    disk.rename(at("a"), at("b"));
    file.write(3, [text(" two")]);
    expect(disk.readFile(at("b")).toString()).toBe("one two");
    disk.remove(at("b"));
    file.write(7, [text(" three")]);
    expect(file.size()).toBe(13);
    expect(disk.stat(at("b"))).toBeNull();
    file.close();
  });

  it("removes files and whole directories", () => {
    const { disk } = bench();
    disk.makeDirectory(at("d/e"));
    write("d/e/f", "x");
    write("a", "x");
    disk.remove(at("a"));
    disk.remove(at("d"));
    disk.remove(at("none"));
    expect(disk.list(bench().root)).toEqual([]);
  });

  it("rejects the sync of a missing directory", async () => {
    const { disk, until } = bench();
    await expect(until(disk.syncDirectory(at("none")))).rejects.toMatchObject({ name: "DiskError", code: "ENOENT" });
  });
}
