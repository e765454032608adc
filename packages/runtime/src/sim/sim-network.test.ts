import { describe, expect, it } from "vitest";
import { describeNetwork, Peer } from "../../test/network-conformance.ts";
import type { Socket } from "../network.ts";
import type { Reads } from "./sim-fabric.ts";
import { type SimMachine, type SimProcess, type SimWorld, simWorld } from "./sim-world.ts";

for (const reads of ["whole", "pieces"] satisfies Reads[]) {
  describeNetwork(`simNetwork with reads "${reads}"`, () => {
    const world = simWorld(1);
    world.network.reads = reads;
    const { network } = world.machine("one").start().runtime;
    return { network, hasIpv6: true, until: (promise) => world.clock.until(promise) };
  });
}

interface Pair {
  readonly world: SimWorld;
  readonly machine: SimMachine;
  readonly clientProcess: SimProcess;
  readonly serverProcess: SimProcess;
  readonly client: Peer;
  readonly server: Peer;
}

const port = 9092;

async function connect(world: SimWorld, from: SimProcess, host = "server", timeoutMs = 5000): Promise<Peer> {
  return new Peer(await world.clock.until(from.runtime.network.connect({ host, port, timeoutMs })));
}

/** A connection between two machines. */
async function pair(seed = 1): Promise<Pair> {
  const world = simWorld(seed);
  const machine = world.machine("server");
  const serverProcess = machine.start();
  const clientProcess = world.machine("client").start();
  const { promise, resolve } = Promise.withResolvers<Socket>();
  await world.clock.until(serverProcess.runtime.network.listen({ host: "", port }, resolve));
  const client = await connect(world, clientProcess);
  const server = new Peer(await world.clock.until(promise));
  return { world, machine, clientProcess, serverProcess, client, server };
}

function send(peer: Peer, text: string): void {
  peer.socket.write([Buffer.from(text)]);
}

describe("simulated hosts", () => {
  it("are reached by name and address, and their loopback only by themselves", async () => {
    const { world, clientProcess, serverProcess, client, server, machine } = await pair();
    expect(client.socket.remoteAddress).toBe(machine.address);
    expect(server.socket.remoteAddress).toBe(world.machine("client").address);
    expect((await connect(world, clientProcess, machine.address)).socket.remotePort).toBe(port);
    expect((await connect(world, serverProcess, "localhost")).socket.remoteAddress).toBe("127.0.0.1");
    await expect(connect(world, clientProcess, "localhost")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(connect(world, clientProcess, "nowhere")).rejects.toMatchObject({ code: "ENOTFOUND" });
    const foreign = clientProcess.runtime.network.listen({ host: "server", port }, () => {});
    await expect(world.clock.until(foreign)).rejects.toMatchObject({ code: "EADDRNOTAVAIL" });
  });

  it("keep a listener on the loopback from the others", async () => {
    const world = simWorld(1);
    const server = world.machine("server").start();
    await world.clock.until(server.runtime.network.listen({ host: "localhost", port }, () => {}));
    const client = world.machine("client").start();
    await expect(connect(world, client)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await connect(world, server, "127.0.0.1");
  });

  it("can be made to refuse", async () => {
    const { world, clientProcess } = await pair();
    world.network.refuse("server");
    await expect(connect(world, clientProcess)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    world.network.refuse("server", false);
    await connect(world, clientProcess);
  });

  it("are knocked at again while they are off, as systems do it", async () => {
    const world = simWorld(1);
    const server = world.machine("server");
    server.crash();
    const client = world.machine("client").start();
    const attempt = client.runtime.network.connect({ host: "server", port: 1, timeoutMs: 10_000 });
    await world.clock.runFor(2_000);
    await world.clock.until(server.start().runtime.network.listen({ host: "", port: 1 }, () => {}));
    await world.clock.until(attempt);
    expect(world.clock.monotonic()).toBeLessThan(3_100);
  });

  it("answer nothing when they are off", async () => {
    const { world, clientProcess, machine } = await pair();
    machine.crash();
    const before = world.clock.monotonic();
    await expect(connect(world, clientProcess, "server", 3000)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(world.clock.monotonic() - before).toBe(3000);
  });
});

describe("a simulated connection", () => {
  it("hands bytes over one by one when told to", async () => {
    const { world, client, server } = await pair();
    world.network.reads = "oneByte";
    const sizes: number[] = [];
    server.onData = () => sizes.push(server.received.at(-1)!.length);
    send(client, "abc");
    await world.clock.until(server.when(() => server.text === "abc"));
    expect(sizes).toEqual([1, 1, 1]);
  });

  it("spoils a chunk that is kept", async () => {
    const { world, client, server } = await pair();
    const kept: Buffer[] = [];
    server.data = (chunk) => void kept.push(chunk);
    send(client, "borrowed");
    await world.clock.runUntilIdle();
    expect(Buffer.concat(kept)).toEqual(Buffer.alloc(8, 0xdd));
  });

  it("notices bytes that are changed before they were sent", async () => {
    const { world, client } = await pair();
    const bytes = Buffer.from("mine");
    client.socket.write([bytes]);
    bytes.fill(0);
    await expect(world.clock.runUntilIdle()).rejects.toThrow("changed before sent");
  });

  it("can be slow where a new one is not", async () => {
    const { world, client, server } = await pair();
    world.network.stall("client", "server", 1_000);
    client.socket.write([Buffer.from("a")]);
    await world.clock.runFor(900);
    expect(server.received.length).toBe(0);
    await world.clock.runFor(200);
    expect(server.received.toString()).toBe("a");
  });

  it("holds back what is sent while it is cut, in one direction or both", async () => {
    const { world, client, server } = await pair();
    send(client, "1");
    world.network.cut("client", "server");
    send(client, "2");
    send(server, "a");
    await world.clock.runFor(10_000);
    send(client, "3");
    expect([client.text, server.text]).toEqual(["a", ""]);
    world.network.heal("client", "server");
    await world.clock.until(server.when(() => server.text === "123"));
    world.network.isolate("server");
    send(server, "b");
    await world.clock.runFor(10_000);
    expect(client.text).toBe("a");
    world.network.healAll();
    await world.clock.until(client.when(() => client.text === "ab"));
  });

  it("times out when nobody answers for long", async () => {
    const { world, client, server } = await pair();
    world.network.cut("server", "client");
    send(client, "hello?");
    await world.clock.until(client.isClosed);
    expect(client.error).toMatchObject({ code: "ETIMEDOUT" });
    expect(world.clock.monotonic()).toBeGreaterThan(world.network.retransmissionTimeoutMs);
    expect(server.text).toBe("hello?");
    expect(server.events).not.toContain("closed");
  });

  it("does not time out because the other side reads nothing", async () => {
    const { world, client, server } = await pair();
    server.socket.pause();
    client.socket.write([Buffer.alloc(1_000_000)]);
    await world.clock.runFor(10 * world.network.retransmissionTimeoutMs);
    server.socket.resume();
    await world.clock.until(server.when(() => server.receivedSize === 1_000_000));
  });

  it("can be reset", async () => {
    const { world, client, server } = await pair();
    world.network.reset("client", "server");
    await world.clock.until(Promise.all([client.isClosed, server.isClosed]));
    expect([client.error, server.error]).toMatchObject([{ code: "ECONNRESET" }, { code: "ECONNRESET" }]);
  });

  it("ends when a process is killed, after what it had sent", async () => {
    const { world, client, server, serverProcess, clientProcess } = await pair();
    send(server, "last words");
    await world.clock.runFor(0.01);
    serverProcess.kill();
    await world.clock.until(client.isClosed);
    expect(client.text).toBe("last words");
    expect(client.error).toBeNull();
    await expect(connect(world, clientProcess)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await world.clock.runUntilIdle();
    expect(server.events).toEqual([]);
  });

  it("is half open after the other machine has died, until it is back", async () => {
    const { world, client, machine, clientProcess } = await pair();
    machine.crash();
    await world.clock.runFor(1_000_000);
    expect(client.events).toEqual([]);
    send(client, "anybody there?");
    await world.clock.runFor(60_000);
    expect(client.events).toEqual([]);
    machine.start();
    await world.clock.until(client.isClosed);
    expect(client.error).toMatchObject({ code: "ECONNRESET" });
    await expect(connect(world, clientProcess)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("times out when the other machine never comes back", async () => {
    const { world, client, machine } = await pair();
    machine.crash();
    send(client, "anybody there?");
    await world.clock.until(client.isClosed);
    expect(client.error).toMatchObject({ code: "ETIMEDOUT" });
  });

  it("tells the server of a client that gave up while it was connecting", async () => {
    const { world, clientProcess, serverProcess } = await pair();
    const accepted: Peer[] = [];
    const listening = serverProcess.runtime.network.listen({ host: "", port: 1 }, (socket) =>
      accepted.push(new Peer(socket)),
    );
    await world.clock.until(listening);
    world.network.latency = { minMs: 10, maxMs: 10 };
    const attempt = clientProcess.runtime.network.connect({ host: "server", port: 1, timeoutMs: 15 });
    await expect(world.clock.until(attempt)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(accepted).toHaveLength(1);
    await world.clock.until(accepted[0]!.isClosed);
  });
});
