import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { describeDisk } from "../test/disk-conformance.ts";
import { DiskError, DiskLockedError } from "./disk.ts";
import { nodeDisk } from "./node-disk.ts";

const directories: string[] = [];
function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "ottla-disk-"));
  directories.push(directory);
  return directory;
}
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

describeDisk("nodeDisk", () => ({ disk: nodeDisk(), root: `${newDirectory()}/`, until: (promise) => promise }));

describe("nodeDisk's directories", () => {
  it("are made with their parents, again and again", () => {
    const path = join(newDirectory(), "a", "b", "c");
    nodeDisk().makeDirectory(path);
    nodeDisk().makeDirectory(path);
    expect(nodeDisk().stat(path)?.isDirectory).toBe(true);
  });

  it("end in an error below a file", () => {
    const file = join(newDirectory(), "file");
    writeFileSync(file, "");
    for (const path of [file, join(file, "a"), join(file, "a", "b")]) {
      expect(() => nodeDisk().makeDirectory(path)).toThrow(DiskError);
    }
  });

  // Node's own way never returns there.
  it.runIf(process.platform === "linux")("end in an error where nothing can be made", () => {
    expect(() => nodeDisk().makeDirectory("/proc/self/new/directory")).toThrow(DiskError);
  });
});

describe("nodeDisk's lock between processes", () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children) child.kill("SIGKILL");
  });

  /** A process that takes the lock and says what came of it. */
  async function locker(path: string): Promise<{ said: string; child: ChildProcess }> {
    const child = fork(join(import.meta.dirname, "../test/locker.ts"), [path], { execArgv: [] });
    children.push(child);
    const said = await new Promise<string>((resolve, reject) => {
      child.once("message", (message) => resolve(String(message)));
      child.once("exit", (code) => reject(new Error(`exited with ${code}`)));
    });
    return { said, child };
  }

  function died(child: ChildProcess): Promise<void> {
    return new Promise((resolve) => child.once("exit", () => resolve()));
  }

  it("is refused while another process has it, and free once that is killed", async () => {
    const path = join(newDirectory(), "lock");
    const first = await locker(path);
    expect(first.said).toBe("locked");
    expect(() => nodeDisk().lock(path)).toThrow(DiskLockedError);

    const second = await locker(path);
    expect(second.said).toBe("DiskLockedError ELOCKED");
    const secondDied = died(second.child);
    second.child.kill("SIGKILL");
    await secondDied;
    expect(() => nodeDisk().lock(path)).toThrow(DiskLockedError);

    const firstDied = died(first.child);
    first.child.kill("SIGKILL");
    await firstDied;
    const lock = nodeDisk().lock(path);
    expect((await locker(path)).said).toBe("DiskLockedError ELOCKED");
    lock.release();
  });

  it("outlives a child that was started while it was held", async () => {
    const path = join(newDirectory(), "lock");
    const lock = nodeDisk().lock(path);
    const { child } = await locker(join(newDirectory(), "other"));
    lock.release();
    // The child inherited no descriptor: the lock is free though the child lives.
    nodeDisk().lock(path).release();
    child.kill("SIGKILL");
  });

  it("survives that somebody removes the file", () => {
    const path = join(newDirectory(), "lock");
    const first = nodeDisk().lock(path);
    rmSync(path);
    writeFileSync(path, "");
    // A new file, so a new lock: the old holder's goes with the old file.
    const second = nodeDisk().lock(path);
    expect(() => nodeDisk().lock(path)).toThrow(DiskLockedError);
    first.release();
    expect(() => nodeDisk().lock(path)).toThrow(DiskLockedError);
    second.release();
  });
});

describe("nodeDisk", () => {
  it("names the operation, the path and the system's code", () => {
    expect(() => nodeDisk().open("/none/such", "read")).toThrow("open of /none/such failed: ENOENT");
  });
});
