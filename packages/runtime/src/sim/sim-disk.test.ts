import { describe, expect, it } from "vitest";
import { describeDisk } from "../../test/disk-conformance.ts";
import { DiskError, type DiskFile } from "../disk.ts";
import { simClock } from "./sim-clock.ts";
import { type SimDisk, simDisk } from "./sim-disk.ts";
import { SimKilledError } from "./sim-killed-error.ts";
import { simRandom } from "./sim-random.ts";

describeDisk("simDisk", () => {
  const clock = simClock();
  const disk = simDisk({ clock }).mount();
  disk.makeDirectory("/some/where");
  return { disk, root: "/some/where/", until: (promise) => clock.until(promise) };
});

function make(seed = 1): { disk: SimDisk; clock: ReturnType<typeof simClock> } {
  const clock = simClock();
  return { clock, disk: simDisk({ clock, random: simRandom(seed) }) };
}

function put(file: DiskFile, text: string): void {
  file.write(file.size(), [Buffer.from(text)]);
}

/** A file whose name is durable and whose content is not. */
async function durablyNamed({ disk, clock }: ReturnType<typeof make>): Promise<DiskFile> {
  const mount = disk.mount();
  const file = mount.open("/a", "create");
  await clock.until(mount.syncDirectory("/"));
  return file;
}

describe("the death of a process", () => {
  it("keeps what was written, and releases what was locked", () => {
    const { disk } = make();
    const mount = disk.mount();
    const file = mount.open("/a", "create");
    put(file, "written");
    const lock = mount.lock("/lock");
    disk.crashProcess();
    expect(() => put(file, "more")).toThrow(SimKilledError);
    expect(() => mount.open("/b", "create")).toThrow(SimKilledError);
    lock.release();
    file.close();

    const next = disk.mount();
    const second = next.lock("/lock");
    lock.release();
    expect(() => next.lock("/lock")).toThrow("ELOCKED");
    second.release();
    expect(next.readFile("/a").toString()).toBe("written");
    expect(next.stat("/b")).toBeNull();
  });

  it("leaves the other processes of the machine alone", () => {
    const { disk } = make();
    const one = disk.mount();
    const other = disk.mount();
    one.kill();
    other.makeDirectory("/d");
    expect(() => one.stat("/d")).toThrow(SimKilledError);
  });

  it("lets nobody hear of a sync that was under way", async () => {
    const { disk, clock } = make();
    const file = disk.mount().open("/a", "create");
    let settled = false;
    file.sync().finally(() => {
      settled = true;
    });
    disk.crashProcess();
    await clock.runUntilIdle();
    expect(settled).toBe(false);
  });
});

describe("the death of the machine", () => {
  it("keeps what was synced, and nothing else if it comes to the worst", async () => {
    const made = make();
    const file = await durablyNamed(made);
    put(file, "synced ");
    await made.clock.until(file.sync());
    put(file, "and not");
    made.disk.crashMachine({ keeps: "none" });
    expect(made.disk.mount().readFile("/a").toString()).toBe("synced ");
  });

  it("covers by a sync what was written before the call, not what came while it ran", async () => {
    const made = make();
    const file = await durablyNamed(made);
    put(file, "before ");
    const sync = file.sync();
    put(file, "during");
    await made.clock.until(sync);
    made.disk.crashMachine({ keeps: "none" });
    expect(made.disk.mount().readFile("/a").toString()).toBe("before ");
  });

  it("interrupts a sync that has not ended", async () => {
    const made = make();
    const file = await durablyNamed(made);
    put(file, "lost");
    file.sync();
    made.disk.crashMachine({ keeps: "none" });
    await made.clock.runUntilIdle();
    expect(made.disk.mount().readFile("/a").toString()).toBe("");
  });

  it("may leave any prefix, torn at any byte", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const made = make(seed);
      const file = await durablyNamed(made);
      put(file, "ab");
      put(file, "cd");
      made.disk.crashMachine({ keeps: "prefix" });
      seen.add(made.disk.mount().readFile("/a").toString());
    }
    expect([...seen].sort()).toEqual(["", "a", "ab", "abc", "abcd"]);
  });

  it("may leave a later write without an earlier one, and zeros", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const made = make(seed);
      const file = await durablyNamed(made);
      put(file, "ab");
      put(file, "cd");
      made.disk.crashMachine({ keeps: "any" });
      seen.add(made.disk.mount().readFile("/a").toString());
    }
    for (const left of ["", "abcd", "ab", "\0\0cd", "ab\0\0", "abc", "\0\0\0d"]) expect(seen).toContain(left);
  });

  it("forgets names whose directory was not synced", async () => {
    const { disk, clock } = make();
    const mount = disk.mount();
    mount.makeDirectory("/d/e");
    await clock.until(mount.syncDirectory("/"));
    const file = mount.open("/d/a", "create");
    put(file, "content");
    file.syncBlocking();
    disk.crashMachine({ keeps: "none" });
    expect(disk.mount().list("/d")).toEqual([]);
  });

  it("undoes a rename, or keeps all of it", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const { disk, clock } = make(seed);
      const mount = disk.mount();
      mount.makeDirectory("/d");
      const old = mount.open("/d/current", "create");
      put(old, "old");
      old.syncBlocking();
      await clock.until(Promise.all([mount.syncDirectory("/"), mount.syncDirectory("/d")]));
      const next = mount.open("/next", "create");
      put(next, "new");
      next.syncBlocking();
      mount.rename("/next", "/d/current");
      disk.crashMachine({ keeps: "any" });
      const after = disk.mount();
      const left = after.stat("/next") === null ? "" : `next=${after.readFile("/next")} `;
      seen.add(`${left}current=${after.readFile("/d/current")}`);
    }
    expect([...seen].sort()).toEqual(["current=new", "current=old", "next=new current=old"]);
  });

  it("keeps a rename whose directory was synced, also when the name was used before", async () => {
    const { disk, clock } = make();
    const mount = disk.mount();
    put(mount.open("/x", "create"), "first");
    const file = mount.open("/y", "create");
    put(file, "second");
    file.syncBlocking();
    mount.rename("/y", "/x");
    await clock.until(mount.syncDirectory("/"));
    disk.crashMachine({ keeps: "none" });
    const after = disk.mount();
    expect(after.readFile("/x").toString()).toBe("second");
    expect(after.stat("/y")).toBeNull();
  });

  it("brings back a part of what was removed without a sync", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const { disk, clock } = make(seed);
      const mount = disk.mount();
      mount.makeDirectory("/d");
      for (const name of ["1", "2"]) mount.open(`/d/${name}`, "create").close();
      await clock.until(Promise.all([mount.syncDirectory("/"), mount.syncDirectory("/d")]));
      mount.remove("/d");
      disk.crashMachine();
      const after = disk.mount();
      seen.add(
        after.stat("/d") === null
          ? "gone"
          : after
              .list("/d")
              .map(({ name }) => name)
              .join(""),
      );
    }
    expect([...seen].sort()).toEqual(["", "12", "2", "gone"]);
  });

  it("is the same for the same seed", async () => {
    const run = async () => {
      const made = make(7);
      const file = await durablyNamed(made);
      for (let i = 0; i < 50; i++) put(file, `record ${i},`);
      made.disk.crashMachine();
      return made.disk.mount().readFile("/a").toString();
    };
    expect(await run()).toBe(await run());
  });
});

describe("planned faults", () => {
  function code(body: () => void): string {
    try {
      body();
    } catch (error) {
      return error instanceof DiskError ? error.code : (error as Error).name;
    }
    return "none";
  }

  it("strike at the nth operation that is meant", () => {
    const { disk } = make();
    const mount = disk.mount();
    const a = mount.open("/a", "create");
    const b = mount.open("/b", "create");
    disk.plan({ operation: "write", path: /b$/, nth: 2, times: 2, effect: "fail" });
    expect([a, b, a, b, b, b].map((file) => code(() => put(file, "x")))).toEqual([
      "none",
      "none",
      "none",
      "EIO",
      "EIO",
      "none",
    ]);
    expect([a.size(), b.size()]).toEqual([2, 2]);
    expect(disk.counts).toMatchObject({ create: 2, write: 6, change: 8 });
  });

  it("fail reads, opens and removals too", () => {
    const { disk } = make();
    const mount = disk.mount();
    const file = mount.open("/a", "create");
    disk.plan({ operation: "read", effect: "fail" });
    expect(code(() => file.read(0, Buffer.alloc(1)))).toBe("EIO");
    disk.plan({ operation: "open", effect: "fail", code: "EMFILE" });
    expect(code(() => mount.open("/a", "read"))).toBe("EMFILE");
    disk.plan({ operation: "remove", effect: "fail" });
    expect(code(() => mount.remove("/a"))).toBe("EIO");
    expect(mount.stat("/a")).not.toBeNull();
  });

  it("leave a part of a write", () => {
    const sizes = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const { disk } = make(seed);
      const file = disk.mount().open("/a", "create");
      disk.plan({ operation: "write", effect: "fail", code: "ENOSPC", progress: "part" });
      expect(code(() => put(file, "abc"))).toBe("ENOSPC");
      sizes.add(file.size());
    }
    expect([...sizes].sort()).toEqual([0, 1, 2, 3]);
  });

  it("fill the disk", () => {
    const { disk } = make();
    const mount = disk.mount();
    disk.capacity = 10;
    put(mount.open("/a", "create"), "12345678");
    const b = mount.open("/b", "create");
    expect(code(() => put(b, "xyz"))).toBe("ENOSPC");
    expect(mount.readFile("/b").toString()).toBe("xy");
    b.write(0, [Buffer.from("XY")]);
    mount.remove("/a");
    put(b, "xyz");
    expect(b.size()).toBe(5);
  });

  it("lose by a failed sync what it covered, though it can still be read", async () => {
    for (const blocking of [true, false]) {
      const made = make();
      const file = await durablyNamed(made);
      put(file, "lost ");
      made.disk.plan({ operation: "sync", effect: "fail" });
      if (blocking) expect(code(() => file.syncBlocking())).toBe("EIO");
      else await expect(made.clock.until(file.sync())).rejects.toMatchObject({ code: "EIO" });
      put(file, "kept");
      await made.clock.until(file.sync());
      expect(made.disk.mount().readFile("/a").toString()).toBe("lost kept");
      made.disk.crashMachine({ keeps: "all" });
      expect(made.disk.mount().readFile("/a").toString()).toBe("\0\0\0\0\0kept");
    }
  });

  it("kill the process or the machine in the middle of any operation", async () => {
    const scenario = async (disk: SimDisk, clock: ReturnType<typeof simClock>) => {
      const mount = disk.mount();
      mount.makeDirectory("/d");
      const file = mount.open("/d/new", "create");
      put(file, "content");
      file.syncBlocking();
      mount.rename("/d/new", "/d/current");
      await mount.syncDirectory("/d");
      await mount.syncDirectory("/");
      put(file, " more");
      await file.sync();
      clock.defer(() => {});
    };
    const whole = make();
    await whole.clock.until(scenario(whole.disk, whole.clock));
    const total = whole.disk.counts.change;
    expect(total).toBe(9);
    for (const effect of ["killProcess", "crashMachine"] as const) {
      for (let nth = 1; nth <= total; nth++) {
        const { disk, clock } = make(nth);
        disk.plan({ nth, effect });
        const run = scenario(disk, clock);
        run.catch(() => {});
        await clock.runUntilIdle();
        expect(disk.counts.change).toBe(nth);
        const after = disk.mount();
        if (effect === "killProcess" && nth > 5) {
          expect(after.readFile("/d/current").toString()).toMatch(nth > 8 ? /^content more$/ : /^content/);
        }
        if (effect === "crashMachine" && nth > 7 && after.stat("/d") !== null) {
          expect(after.readFile("/d/current").toString()).toMatch(/^content/);
        }
      }
    }
  });

  it("flip bits for good", () => {
    const { disk } = make();
    const file = disk.mount().open("/a", "create");
    put(file, "AB");
    file.syncBlocking();
    disk.flipBit("/a", 1, 0);
    expect(disk.mount().readFile("/a").toString()).toBe("AC");
  });
});
