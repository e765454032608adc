import { describe, expect, it } from "vitest";
import { sleep } from "../clock.ts";
import type { Socket } from "../network.ts";
import { randomUuid } from "../random.ts";
import type { Runtime } from "../runtime.ts";
import { SimKilledError } from "./sim-killed-error.ts";
import { simWorld } from "./sim-world.ts";

/** Appends what it is sent to a file, and answers with the file's size once that is synced; a hasty one, with the size that it has by then. */
async function startServer(runtime: Runtime, isHasty: boolean): Promise<void> {
  const { disk, network, clock } = runtime;
  disk.lock("/lock");
  const file = disk.open("/log", "create");
  await disk.syncDirectory("/");
  const serve = (socket: Socket) => {
    socket.start({
      data: (chunk) => {
        file.write(file.size(), [chunk]);
        clock.defer(() => {
          const size = file.size();
          file.sync().then(() => {
            socket.write([Buffer.from(`${isHasty ? file.size() : size};`)]);
          });
        });
      },
      drained() {},
      closed() {},
    });
  };
  await network.listen({ host: "", port: 9092 }, serve);
}

/** Sends something now and then, connecting again when it has to; `answered` sees what it is told. */
async function runClient(runtime: Runtime, answered: (size: number) => void): Promise<never> {
  const { clock, network, random } = runtime;
  for (;;) {
    try {
      const socket = await network.connect({ host: "server", port: 9092, timeoutMs: 100 });
      let isOpen = true;
      socket.start({
        data: (chunk) => {
          for (const size of chunk.toString().split(";")) answered(Number(size));
        },
        drained() {},
        closed: () => {
          isOpen = false;
        },
      });
      while (isOpen) {
        socket.write([Buffer.from(randomUuid(random))]);
        await sleep(clock, random.integer(20));
      }
    } catch {
      await sleep(clock, 5 + random.integer(50));
    }
  }
}

async function run(
  seed: number,
  isHasty = false,
): Promise<{ fingerprint: string; lines: readonly string[]; lost: boolean }> {
  const world = simWorld(seed);
  const server = world.machine("server");
  let greatest = 0;
  for (const name of ["a", "b", "c"]) {
    void runClient(world.machine(name).start().runtime, (size) => {
      greatest = Math.max(greatest, size);
    });
  }
  let lost = false;
  for (let round = 0; round < 5; round++) {
    const process = server.start("server");
    startServer(process.runtime, isHasty).catch(() => {});
    await world.clock.runFor(world.random.integer(400));
    if (world.random.chance(0.5)) process.kill();
    else server.crash();
    await world.clock.runFor(world.random.integer(100));
    const size = server.disk.mount().stat("/log")?.size ?? 0;
    if (size < greatest) lost = true;
  }
  return { fingerprint: world.history.fingerprint, lines: world.history.lines, lost };
}

describe("simWorld", () => {
  it("has the same history for the same seed, and another for another", async () => {
    const fingerprints = new Set<string>();
    for (let seed = 1; seed <= 4; seed++) {
      const first = await run(seed);
      const second = await run(seed);
      expect(second.lines).toEqual(first.lines);
      expect(second.fingerprint).toBe(first.fingerprint);
      expect(first.lines.length).toBeGreaterThan(200);
      expect(first.lost).toBe(false);
      fingerprints.add(first.fingerprint);
    }
    expect(fingerprints.size).toBe(4);
  });

  it("finds a server that promises what was not synced", async () => {
    let caught = 0;
    for (let seed = 1; seed <= 8; seed++) if ((await run(seed, true)).lost) caught++;
    expect(caught).toBeGreaterThan(0);
  });

  it("never calls a killed process again", async () => {
    const world = simWorld(1);
    const machine = world.machine("m");
    const process = machine.start();
    const { clock, disk, network } = process.runtime;
    const listener = await world.clock.until(network.listen({ host: "localhost", port: 0 }, () => {}));
    const calls: string[] = [];
    const note = (what: string) => () => void calls.push(what);
    clock.setTimer(10, note("timer"));
    clock.defer(note("deferred"));
    const file = disk.open("/a", "create");
    file.sync().finally(note("sync"));
    network.connect({ host: "localhost", port: listener.port, timeoutMs: 50 }).finally(note("connect"));
    network.connect({ host: "nowhere", port: 1, timeoutMs: 50 }).finally(note("refused"));
    process.kill();
    expect(process.isAlive).toBe(false);
    clock.setTimer(10, note("late timer"));
    clock.defer(note("late deferred"));
    network.connect({ host: "localhost", port: listener.port, timeoutMs: 50 }).finally(note("late connect"));
    expect(() => disk.open("/b", "create")).toThrow(SimKilledError);
    await world.clock.runUntilIdle();
    expect(calls).toEqual([]);
    expect(machine.processes).toEqual([]);
  });

  it("kills one process of a machine without the others", async () => {
    const world = simWorld(1);
    const machine = world.machine("m");
    const [one, other] = [machine.start("one"), machine.start("other")];
    const lock = one.runtime.disk.lock("/lock");
    expect(() => other.runtime.disk.lock("/lock")).toThrow("ELOCKED");
    one.kill();
    lock.release();
    other.runtime.disk.lock("/lock");
    await world.clock.until(sleep(other.runtime.clock, 10));
    expect(machine.processes).toEqual([other]);
  });

  it("kills the process or the machine that a disk fault strikes, and goes on with the rest", async () => {
    for (const effect of ["killProcess", "crashMachine"] as const) {
      const world = simWorld(1);
      const machine = world.machine("m");
      const process = machine.start();
      let ended = 0;
      process.onEnd(() => ended++);
      machine.disk.plan({ operation: "write", nth: 3, effect });
      const file = process.runtime.disk.open("/a", "create");
      let writes = 0;
      const tick = () => {
        process.runtime.clock.setTimer(1, tick);
        file.write(0, [Buffer.from("x")]);
        writes++;
      };
      tick();
      await world.clock.runUntilIdle();
      expect([writes, ended, process.isAlive]).toEqual([2, 1, false]);
      expect(machine.isUp).toBe(effect === "killProcess");
      expect(machine.start().runtime.disk.list("/")).toBeDefined();
      expect(machine.isUp).toBe(true);
    }
  });

  it("takes an exception that nobody catches for the end of the process and of the run", async () => {
    const world = simWorld(1);
    const process = world.machine("m").start();
    process.runtime.clock.setTimer(1, () => {
      throw new Error("a bug");
    });
    await expect(world.clock.runUntilIdle()).rejects.toThrow("a bug");
    expect(process.isAlive).toBe(false);
    expect(world.history.lines.at(-2)).toBe("1.0000 m/process.1 uncaught Error: a bug");
  });

  it("takes a rejection that nobody handles for the end of the run, unless it is a dead process's", async () => {
    const world = simWorld(1);
    const process = world.machine("m").start();
    const later = (callback: () => Promise<unknown>) => process.runtime.clock.setTimer(1, () => void callback());
    later(async () => {
      process.runtime.disk.open("/a", "create");
      throw new Error("a bug");
    });
    await expect(world.clock.runUntilIdle()).rejects.toThrow("a bug");
    later(async () => {
      process.kill();
      process.runtime.disk.open("/a", "create");
    });
    await world.clock.runUntilIdle();
    expect(process.isAlive).toBe(false);
  });

  it("pauses a process: it misses nothing, and its clock goes on", async () => {
    for (const timersFirst of [true, false]) {
      const world = simWorld(1);
      world.network.reads = "whole";
      const server = world.machine("server").start();
      const client = world.machine("client").start();
      const events: string[] = [];
      const serve = (socket: Socket) => {
        socket.start({
          data: (chunk) => void events.push(`data ${chunk}`),
          drained() {},
          closed: () => void events.push("closed"),
        });
      };
      await world.clock.until(server.runtime.network.listen({ host: "", port: 1 }, serve));
      const connecting = client.runtime.network.connect({ host: "server", port: 1, timeoutMs: 100 });
      const socket = await world.clock.until(connecting);
      const { clock, disk } = server.runtime;
      const file = disk.open("/a", "create");
      await world.clock.runFor(10);
      void file.sync().then(() => events.push("synced"));
      const cancelled = clock.setTimer(20, () => events.push("cancelled"));
      clock.setTimer(15, () => {
        events.push(`timer at ${clock.monotonic()}`);
        cancelled.cancel();
      });
      const startMs = clock.monotonic();
      server.pause();
      socket.write([Buffer.from("hello")]);
      socket.end();
      await world.clock.runFor(1000);
      expect([events, server.isPaused]).toEqual([[], true]);
      server.resume({ timersFirst });
      await world.clock.runUntilIdle();
      const timer = `timer at ${startMs + 1000}`;
      expect(events).toEqual(
        timersFirst ? [timer, "data hello", "synced", "closed"] : ["data hello", "synced", timer, "closed"],
      );
    }
  });

  it("does the same with a history and without", async () => {
    const times: number[] = [];
    for (const recording of [true, false]) {
      const world = simWorld(4, { recording });
      const server = world.machine("server").start();
      startServer(server.runtime, false).catch(() => {});
      void runClient(world.machine("a").start().runtime, () => times.push(world.clock.monotonic()));
      await world.clock.runFor(500);
      expect(world.history.count > 0).toBe(recording);
    }
    expect(times.slice(times.length / 2)).toEqual(times.slice(0, times.length / 2));
    expect(times.length).toBeGreaterThan(20);
  });

  it("gives a machine a clock that is wrong", async () => {
    const world = simWorld(1, { startMs: 5000 });
    const machine = world.machine("m");
    const { clock } = machine.start().runtime;
    machine.skewMs = -1000;
    expect([clock.now(), clock.monotonic()]).toEqual([4000, 0]);
  });

  it("gives each process its own random numbers", () => {
    const draw = (seed: number) => {
      const machine = simWorld(seed).machine("m");
      return [machine.start(), machine.start()].map(({ runtime }) => randomUuid(runtime.random));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(new Set([...draw(1), ...draw(2)]).size).toBe(4);
  });

  it("keeps a bounded part of the history, and tells whoever listens", () => {
    const world = simWorld(1, { historyLimit: 10 });
    const heard: string[] = [];
    world.history.onLine = (line) => heard.push(line);
    for (let i = 0; i < 100; i++) world.record(`line ${i}`);
    expect(world.history.count).toBe(100);
    expect(heard).toHaveLength(100);
    expect(world.history.lines.length).toBeLessThanOrEqual(20);
    expect(world.history.lines.at(-1)).toBe("0.0000 line 99");
  });
});
