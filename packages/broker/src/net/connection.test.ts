import { type Clock, recordingLogger, simClock } from "@ottla/runtime";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeSocket } from "../../test/fake-socket.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import type { Exchange } from "./exchange.ts";
import { FramePool } from "./frame-pool.ts";
import { RequestMemory } from "./request-memory.ts";

const listener = { name: "PLAINTEXT", host: "localhost", port: 9092 };
const text = (content: string) => Buffer.from(content);
const turn = () => new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));

/** Takes requests and leaves the answering to the test; a frame that begins with "o" may overlap. */
class Host implements ConnectionHost {
  readonly clock: Clock = simClock();
  readonly logger = recordingLogger();
  memory = new RequestMemory(-1);
  readonly frames = new FramePool();
  maxFrameSize = 1000;
  maxQueuedRequests = 100;
  readonly begun: Exchange[] = [];
  closedCount = 0;

  dispatch(exchange: Exchange): void {
    this.begun.push(exchange);
  }

  overlaps(frame: Buffer): boolean {
    return frame.toString().startsWith("o");
  }

  connectionClosed(): void {
    this.closedCount++;
  }

  get begunTexts(): string[] {
    return this.begun.map((exchange) => exchange.frame.toString());
  }
}

let host: Host;
let socket: FakeSocket;
let connection: Connection;

beforeEach(() => {
  host = new Host();
  socket = new FakeSocket();
  connection = new Connection(1, socket, listener, host);
  connection.start();
});

describe("a connection", () => {
  it("begins a request when the one in front of it is answered", async () => {
    for (const content of ["a", "b", "c"]) socket.receiveFrame(text(content));
    expect(host.begunTexts).toEqual(["a"]);
    host.begun[0]!.respond([text("A")]);
    expect(host.begunTexts).toEqual(["a", "b"]);
    await turn();
    expect(socket.writes.map(String)).toEqual(["A"]);
  });

  it("lets requests overlap that may, and keeps their answers in order", async () => {
    for (const content of ["o1", "o2", "x", "o3"]) socket.receiveFrame(text(content));
    expect(host.begunTexts).toEqual(["o1", "o2"]);
    host.begun[1]!.respond([text("2")]);
    await turn();
    expect(socket.writes).toEqual([]);
    host.begun[0]!.respond([text("1")]);
    await turn();
    expect(socket.writes.map(String)).toEqual(["12"]);
    expect(host.begunTexts).toEqual(["o1", "o2", "x"]);
    host.begun[2]!.respond(null);
    expect(host.begunTexts).toEqual(["o1", "o2", "x", "o3"]);
  });

  it("sends all answers of a turn in one write", async () => {
    for (const content of ["a", "b", "c"]) socket.receiveFrame(text(content));
    for (let index = 0; index < 3; index++) host.begun[index]!.respond([text(`${index}`), text("!")]);
    await turn();
    expect(socket.writes.map(String)).toEqual(["0!1!2!"]);
  });

  it("takes nothing more while the peer does not read", async () => {
    socket.hasRoom = false;
    socket.sendsAtOnce = false;
    const sent: string[] = [];
    socket.receiveFrame(text("a"));
    host.begun[0]!.onSent(() => sent.push("a"));
    host.begun[0]!.respond([text("A")]);
    await turn();
    socket.receiveFrame(text("b"));
    expect(host.begunTexts).toEqual(["a"]);
    expect(sent).toEqual([]);
    expect(connection.isSending).toBe(true);
    socket.drain();
    expect(sent).toEqual(["a"]);
    expect(host.begunTexts).toEqual(["a", "b"]);
  });

  it("stops reading while too many requests wait", () => {
    host.maxQueuedRequests = 3;
    for (const content of ["a", "b", "c"]) socket.receiveFrame(text(content));
    expect(socket.isPaused).toBe(false);
    socket.receiveFrame(text("d"));
    expect(socket.isPaused).toBe(true);
    host.begun[0]!.respond(null);
    expect(socket.isPaused).toBe(false);
  });

  it("tells who waits when the peer goes, and drops answers that nobody reads", async () => {
    socket.receiveFrame(text("a"));
    let heard = 0;
    let sent = 0;
    connection.onClose(() => heard++);
    connection.onClose(() => heard++)();
    host.begun[0]!.onSent(() => sent++);
    socket.closeByPeer();
    expect([heard, connection.closed, host.closedCount]).toEqual([1, true, 1]);
    host.begun[0]!.respond([text("A")]);
    await turn();
    expect(socket.writes).toEqual([]);
    expect(sent).toBe(1);
    expect(host.memory.usedBytes).toBe(0);
    connection.onClose(() => heard++);
    expect(heard).toBe(1);
  });

  it("closes on a frame above the limit, and says so", () => {
    socket.receive(Buffer.from([0, 0, 4, 0]));
    expect(socket.isDestroyed).toBe(true);
    expect(host.logger.logged[0]).toMatchObject({ level: "warn", message: "connection closed" });
    expect(String(host.logger.logged[0]!.fields.reason)).toContain("1024 bytes announced, at most 1000 allowed");
  });

  it("finishes what is in work before it ends, and takes nothing new", async () => {
    for (const content of ["a", "b"]) socket.receiveFrame(text(content));
    connection.finish();
    expect([socket.isPaused, socket.isEnded]).toEqual([true, false]);
    socket.receiveFrame(text("c"));
    host.begun[0]!.respond([text("A")]);
    await turn();
    await turn();
    expect(socket.writes.map(String)).toEqual(["A"]);
    expect(host.begunTexts).toEqual(["a"]);
    expect(socket.isEnded).toBe(true);
    expect(host.memory.usedBytes).toBe(0);
  });

  it("counts the bytes of requests while they are in memory", () => {
    socket.receive(Buffer.from([0, 0, 0, 100, 1, 2, 3]));
    expect(host.memory.usedBytes).toBe(100);
    socket.receive(Buffer.alloc(97));
    expect(host.memory.usedBytes).toBe(100);
    socket.receiveFrame(Buffer.alloc(10));
    expect(host.memory.usedBytes).toBe(110);
    host.begun[0]!.respond(null);
    expect(host.memory.usedBytes).toBe(10);
    socket.closeByPeer();
    host.begun[1]!.respond(null);
    expect(host.memory.usedBytes).toBe(0);
  });
});

describe("the bound on requests in memory", () => {
  it("holds connections back, but for one, until there is room", () => {
    host.memory = new RequestMemory(150);
    const sockets = [1, 2, 3].map((id) => {
      const one = new FakeSocket();
      new Connection(id, one, listener, host).start();
      return one;
    });
    // Each sends half a request of 100 bytes: none of them could ever be completed if all were held back.
    for (const one of sockets) one.receive(Buffer.concat([Buffer.from([0, 0, 0, 100]), Buffer.alloc(50)]));
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([false, false, true]);
    sockets[1]!.receive(Buffer.alloc(50));
    expect(host.begun.length).toBe(1);
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([false, false, false]);
    sockets[2]!.receive(Buffer.alloc(50));
    sockets[0]!.receive(Buffer.alloc(50));
    expect(host.begun.length).toBe(3);
    for (const exchange of host.begun) exchange.respond(null);
    expect(host.memory.usedBytes).toBe(0);
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([false, false, false]);
  });

  it("holds every connection back while the complete requests alone are too many", () => {
    host.memory = new RequestMemory(150);
    const sockets = [1, 2, 3].map((id) => {
      const one = new FakeSocket();
      new Connection(id, one, listener, host).start();
      return one;
    });
    // Requests that may overlap are all in work at once, and nobody answers them yet: a log that waits for its disk.
    let sent = 0;
    for (let round = 0; round < 20; round++) {
      for (const one of sockets) {
        if (one.isPaused) continue;
        one.receiveFrame(text("o".padEnd(50)));
        sent++;
      }
    }
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([true, true, true]);
    expect(host.memory.usedBytes).toBeLessThanOrEqual(150 + 4 * 50);
    for (const exchange of host.begun.slice(0, -1)) exchange.respond(null);
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([false, false, false]);
    host.begun.at(-1)!.respond(null);
    expect(host.memory.usedBytes).toBe(0);
    expect(host.begun.length).toBe(sent);
  });

  it("does not hold back who has nothing in memory", () => {
    host.memory = new RequestMemory(150);
    const sockets = [1, 2].map((id) => {
      const one = new FakeSocket();
      new Connection(id, one, listener, host).start();
      return one;
    });
    for (let i = 0; i < 5; i++) sockets[0]!.receiveFrame(text("o".padEnd(50)));
    for (let i = 0; i < 3; i++) {
      sockets[1]!.receiveFrame(text("beat"));
      expect(sockets.map(({ isPaused }) => isPaused)).toEqual([true, true]);
      host.begun.at(-1)!.respond(null);
      expect(sockets.map(({ isPaused }) => isPaused)).toEqual([true, false]);
    }
  });

  it("lets half requests go on once there is room for complete ones", () => {
    host.memory = new RequestMemory(150);
    const sockets = [1, 2, 3].map((id) => {
      const one = new FakeSocket();
      new Connection(id, one, listener, host).start();
      return one;
    });
    const half = Buffer.concat([Buffer.from([0, 0, 0, 100]), Buffer.alloc(50)]);
    sockets[0]!.receiveFrame(text("o".padEnd(100)));
    sockets[0]!.receiveFrame(text("o".padEnd(100)));
    sockets[1]!.receive(half);
    sockets[2]!.receive(half);
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([false, true, true]);
    host.begun[0]!.respond(null);
    // Too much is in memory still, but one of the two can be completed.
    expect(host.memory.usedBytes).toBeGreaterThan(150);
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([false, false, true]);
    sockets[1]!.receive(Buffer.alloc(50));
    expect(host.begun.length).toBe(3);
  });

  it("passes the privilege on when its holder goes", () => {
    host.memory = new RequestMemory(0);
    const sockets = [1, 2, 3].map((id) => {
      const one = new FakeSocket();
      new Connection(id, one, listener, host).start();
      return one;
    });
    for (const one of sockets) one.receive(Buffer.concat([Buffer.from([0, 0, 0, 100]), Buffer.alloc(50)]));
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([false, true, true]);
    sockets[0]!.closeByPeer();
    expect(sockets.map(({ isPaused }) => isPaused)).toEqual([false, false, true]);
    sockets[1]!.closeByPeer();
    sockets[2]!.closeByPeer();
    expect(host.memory.usedBytes).toBe(0);
  });
});

describe("the buffers of large requests", () => {
  const large = 100_000;
  const announce = Buffer.from([0, 1, 0x86, 0xa0]);

  it("are used again once a request that may overlap is answered", () => {
    host.maxFrameSize = large;
    socket = new FakeSocket();
    new Connection(2, socket, listener, host).start();
    const buffers = ["o1", "o2", "o3"].map((content) => {
      socket.receive(announce);
      socket.receive(text(content.padEnd(50_000)));
      socket.receive(Buffer.alloc(50_000));
      const exchange = host.begun.at(-1)!;
      expect(exchange.frame.length).toBe(large);
      if (content === "o2") exchange.keepFrame();
      exchange.respond(null);
      return exchange.frame.buffer;
    });
    expect(buffers[1]).toBe(buffers[0]);
    expect(buffers[2]).not.toBe(buffers[1]);
  });

  it("are not taken back twice, and nothing else is taken for one", () => {
    const pool = new FramePool();
    const frame = pool.allocate(large);
    pool.free(frame);
    pool.free(frame);
    pool.free(Buffer.alloc(large));
    expect(pool.allocate(large).buffer).toBe(frame.buffer);
    expect(pool.allocate(large).buffer).not.toBe(frame.buffer);
  });
});
