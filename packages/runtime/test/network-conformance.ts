import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Listener, type Network, NetworkError, type Socket, type SocketHandler } from "../src/index.ts";

/** A network under test. */
export interface NetworkBench {
  readonly network: Network;
  /** Whether the machine has `::1`. */
  readonly hasIpv6: boolean;
  /** Waits for what the network promised; a simulated network's time passes meanwhile. */
  until<T>(promise: Promise<T>): Promise<T>;
}

/** One side of a connection, with what it was told. */
export class Peer implements SocketHandler {
  readonly socket: Socket;
  received: Buffer[] = [];
  receivedSize = 0;
  /** What was told, in order. */
  readonly events: string[] = [];
  error: Error | null = null;
  readonly isClosed: Promise<void>;
  onData: (() => void) | null = null;
  #closed!: () => void;
  #waiters: { done: () => boolean; resolve: () => void }[] = [];

  constructor(socket: Socket, start = true) {
    this.socket = socket;
    this.isClosed = new Promise((resolve) => {
      this.#closed = resolve;
    });
    if (start) socket.start(this);
  }

  get text(): string {
    return Buffer.concat(this.received).toString();
  }

  data(chunk: Buffer): void {
    this.#tell("data");
    this.received.push(Buffer.from(chunk));
    this.receivedSize += chunk.length;
    this.onData?.();
    this.#check();
  }

  drained(): void {
    this.#tell("drained");
    this.#check();
  }

  closed(error: Error | null): void {
    this.#tell("closed");
    this.error = error;
    this.#closed();
    this.#check();
  }

  /** Resolves once `done` is true after something was told. */
  when(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ done, resolve });
      this.#check();
    });
  }

  #tell(event: string): void {
    expect(this.events).not.toContain("closed");
    if (event !== "data" || this.events.at(-1) !== "data") this.events.push(event);
  }

  #check(): void {
    for (const { done, resolve } of this.#waiters) if (done()) resolve();
  }
}

interface Connected {
  readonly client: Peer;
  readonly server: Peer;
}

/** What every `Network` must do. */
export function describeNetwork(name: string, makeBench: () => NetworkBench): void {
  describe(`${name} as a Network`, () => {
    let bench: NetworkBench;
    const listeners: Listener[] = [];
    const sockets: Socket[] = [];

    beforeEach(() => {
      bench = makeBench();
    });
    afterEach(async () => {
      for (const socket of sockets.splice(0)) socket.destroy();
      for (const listener of listeners.splice(0)) await bench.until(listener.close());
    });

    const listen = async (host: string, port: number, accept: (socket: Socket) => void): Promise<Listener> => {
      const listener = await bench.until(bench.network.listen({ host, port }, accept));
      listeners.push(listener);
      return listener;
    };
    const connect = async (host: string, port: number): Promise<Socket> => {
      const socket = await bench.until(bench.network.connect({ host, port, timeoutMs: 5000 }));
      sockets.push(socket);
      return socket;
    };
    const pair = async (start = true): Promise<Connected> => {
      const { promise, resolve } = Promise.withResolvers<Peer>();
      const listener = await listen("127.0.0.1", 0, (socket) => {
        sockets.push(socket);
        resolve(new Peer(socket, start));
      });
      const client = new Peer(await connect("127.0.0.1", listener.port), start);
      return { client, server: await bench.until(promise) };
    };
    const tools: Tools = { bench: () => bench, listen, connect, pair };

    describeConnecting(tools);
    describeData(tools);
    describeWriting(tools);
    describeClosing(tools);
  });
}

interface Tools {
  bench(): NetworkBench;
  listen(host: string, port: number, accept: (socket: Socket) => void): Promise<Listener>;
  connect(host: string, port: number): Promise<Socket>;
  pair(start?: boolean): Promise<Connected>;
}

function describeConnecting({ bench, listen, connect, pair }: Tools): void {
  it("knows both addresses", async () => {
    const { client, server } = await pair();
    expect(client.socket.remoteAddress).toBe("127.0.0.1");
    expect(server.socket.remoteAddress).toBe("127.0.0.1");
    expect(server.socket.localPort).toBe(client.socket.remotePort);
    expect(server.socket.remotePort).toBe(client.socket.localPort);
  });

  it("listens on both loopback families as localhost, with one port", async () => {
    const listener = await listen("localhost", 0, () => {});
    for (const host of bench().hasIpv6 ? ["127.0.0.1", "::1", "localhost"] : ["127.0.0.1", "localhost"]) {
      expect((await connect(host, listener.port)).remotePort).toBe(listener.port);
    }
  });

  it("listens on every address", async () => {
    const listener = await listen("", 0, () => {});
    expect((await connect("127.0.0.1", listener.port)).remoteAddress).toBe("127.0.0.1");
  });

  it("refuses a port that is taken, and gives it back at close", async () => {
    const first = await listen("localhost", 0, () => {});
    const second = bench().until(bench().network.listen({ host: "localhost", port: first.port }, () => {}));
    await expect(second).rejects.toMatchObject({ name: "NetworkError", code: "EADDRINUSE" });
    await bench().until(first.close());
    await bench().until(first.close());
    expect((await listen("localhost", first.port, () => {})).port).toBe(first.port);
  });

  it("rejects where nobody listens", async () => {
    const listener = await listen("localhost", 0, () => {});
    await bench().until(listener.close());
    for (const host of ["127.0.0.1", "localhost"]) {
      const attempt = bench().until(bench().network.connect({ host, port: listener.port, timeoutMs: 5000 }));
      await expect(attempt).rejects.toMatchObject({ name: "NetworkError", code: "ECONNREFUSED" });
      await expect(attempt).rejects.toThrow(`connecting to ${host}:${listener.port} failed: ECONNREFUSED`);
    }
  });

  it("rejects what is no port", async () => {
    for (const port of [-1, 65_536]) {
      const attempt = bench().until(bench().network.connect({ host: "127.0.0.1", port, timeoutMs: 5000 }));
      await expect(attempt).rejects.toBeInstanceOf(NetworkError);
      const listening = bench().until(bench().network.listen({ host: "127.0.0.1", port }, () => {}));
      await expect(listening).rejects.toBeInstanceOf(NetworkError);
    }
  });

  it("rejects with the signal's reason", async () => {
    const listener = await listen("127.0.0.1", 0, () => {});
    const options = { host: "127.0.0.1", port: listener.port, timeoutMs: 5000 };
    const before = bench().network.connect({ ...options, signal: AbortSignal.abort(new Error("no more")) });
    await expect(bench().until(before)).rejects.toThrow("no more");
    const controller = new AbortController();
    const during = bench().network.connect({ ...options, signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(bench().until(during)).rejects.toThrow("enough");
  });

  it("accepts no more once closed, and keeps what was accepted", async () => {
    const { promise, resolve } = Promise.withResolvers<Peer>();
    const listener = await listen("127.0.0.1", 0, (socket) => resolve(new Peer(socket)));
    const client = new Peer(await connect("127.0.0.1", listener.port));
    const server = await bench().until(promise);
    await bench().until(listener.close());
    await expect(connect("127.0.0.1", listener.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    server.socket.write([Buffer.from("still here")]);
    await bench().until(client.when(() => client.text === "still here"));
  });
}

function describeData({ bench, pair }: Tools): void {
  it("brings the bytes in order, both ways", async () => {
    const { client, server } = await pair();
    const sent = Buffer.alloc(3_000_000);
    for (let i = 0; i < sent.length; i += 4) sent.writeUInt32LE(i, i);
    for (let i = 0; i < 30; i++) {
      client.socket.write([
        sent.subarray(i * 100_000, i * 100_000 + 10),
        sent.subarray(i * 100_000 + 10, (i + 1) * 100_000),
      ]);
      server.socket.write([Buffer.from(`${i},`)]);
    }
    await bench().until(server.when(() => server.receivedSize === sent.length));
    expect(Buffer.concat(server.received).equals(sent)).toBe(true);
    const expected = Array.from({ length: 30 }, (_, i) => `${i},`).join("");
    await bench().until(client.when(() => client.receivedSize === expected.length));
    expect(client.text).toBe(expected);
  });

  it("tells nothing before start", async () => {
    const { client, server } = await pair(false);
    new Peer(client.socket).socket.write([Buffer.from("early")]);
    const { promise, resolve } = Promise.withResolvers<void>();
    client.socket.write([Buffer.from(" bird")], resolve);
    await bench().until(promise);
    expect(server.events).toEqual([]);
    server.socket.start(server);
    await bench().until(server.when(() => server.text === "early bird"));
  });

  it("holds data back while paused", async () => {
    const { client, server } = await pair();
    const size = 5_000_000;
    server.onData = () => server.socket.pause();
    client.socket.write([Buffer.alloc(size)]);
    await bench().until(server.when(() => server.receivedSize > 0));
    const got = server.receivedSize;
    // A round trip the other way: whatever is on its way to a paused socket would have come by then.
    server.socket.write([Buffer.from("x")]);
    await bench().until(client.when(() => client.receivedSize === 1));
    expect(server.receivedSize).toBe(got);
    expect(client.socket.waitingSize).toBeGreaterThan(0);
    server.onData = null;
    server.socket.resume();
    await bench().until(server.when(() => server.receivedSize === size));
    await bench().until(client.when(() => client.socket.waitingSize === 0));
  });

  it("starts paused where it was paused before", async () => {
    const { client, server } = await pair(false);
    server.socket.pause();
    server.socket.start(server);
    const peer = new Peer(client.socket);
    peer.socket.write([Buffer.from("later")]);
    server.socket.write([Buffer.from("x")]);
    await bench().until(peer.when(() => peer.receivedSize === 1));
    expect(server.events).toEqual([]);
    server.socket.resume();
    await bench().until(server.when(() => server.text === "later"));
  });

  it("lets a handler destroy the socket in the middle of its data", async () => {
    const { client, server } = await pair();
    server.onData = () => server.socket.destroy();
    client.socket.write([Buffer.alloc(1_000_000)]);
    await bench().until(server.isClosed);
    expect(server.events).toEqual(["data", "closed"]);
    await bench().until(client.isClosed);
  });
}

function describeWriting({ bench, pair }: Tools): void {
  it("calls sent once for each write, in order", async () => {
    const { client, server } = await pair();
    const calls: number[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    for (let i = 0; i < 5; i++) {
      const chunks = Array.from({ length: i }, () => Buffer.alloc(50_000, i));
      client.socket.write(chunks, () => {
        calls.push(i);
        if (i === 4) resolve();
      });
    }
    expect(calls).toEqual([]);
    await bench().until(promise);
    await bench().until(server.when(() => server.receivedSize === 500_000));
    expect(calls).toEqual([0, 1, 2, 3, 4]);
    expect(client.socket.waitingSize).toBe(0);
  });

  it("asks to hold back, and says when to go on", async () => {
    const { client, server } = await pair();
    server.socket.pause();
    expect(client.socket.write([Buffer.from("little")])).toBe(true);
    let written = 6;
    while (client.socket.write([Buffer.alloc(1_000_000)])) written += 1_000_000;
    written += 1_000_000;
    expect(client.socket.waitingSize).toBeGreaterThan(0);
    expect(client.events).toEqual([]);
    server.socket.resume();
    await bench().until(client.when(() => client.events.includes("drained")));
    expect(client.socket.waitingSize).toBe(0);
    await bench().until(server.when(() => server.receivedSize === written));
    expect(client.events).toEqual(["drained"]);
  });

  it("calls sent for what is dropped by destroy", async () => {
    const { client, server } = await pair();
    server.socket.pause();
    let calls = 0;
    for (let i = 0; i < 20; i++) client.socket.write([Buffer.alloc(1_000_000), Buffer.alloc(1)], () => calls++);
    client.socket.destroy();
    await bench().until(client.isClosed);
    client.socket.write([Buffer.from("x")], () => calls++);
    expect(client.socket.write([Buffer.from("x")])).toBe(false);
    await bench().until(new Promise<void>((resolve) => client.socket.write([], resolve)));
    expect(calls).toBe(21);
    expect(client.error).toBeNull();
  });

  it("calls sent for what the other side will never take", async () => {
    const { client, server } = await pair();
    server.socket.pause();
    let calls = 0;
    for (let i = 0; i < 20; i++) client.socket.write([Buffer.alloc(1_000_000)], () => calls++);
    server.socket.destroy();
    await bench().until(client.isClosed);
    expect(calls).toBe(20);
    expect(client.error).toMatchObject({ name: "NetworkError", code: expect.stringMatching(/ECONNRESET|EPIPE/) });
  });
}

function describeClosing({ bench, pair }: Tools): void {
  it("sends everything before end closes, and tells both", async () => {
    const { client, server } = await pair();
    client.socket.write([Buffer.alloc(4_000_000, 1)]);
    client.socket.end();
    client.socket.end();
    expect(client.socket.write([Buffer.from("too late")])).toBe(false);
    await bench().until(Promise.all([client.isClosed, server.isClosed]));
    expect(server.receivedSize).toBe(4_000_000);
    expect(server.events).toEqual(["data", "closed"]);
    expect([client.error, server.error]).toEqual([null, null]);
  });

  it("loses no answer when the socket ends with bytes that nobody read", async () => {
    const { client, server } = await pair();
    server.onData = () => {
      server.onData = null;
      server.socket.write([Buffer.from("bad request, closing")]);
      server.socket.end();
    };
    client.socket.write([Buffer.alloc(2_000_000)]);
    await bench().until(client.isClosed);
    expect(client.text).toBe("bad request, closing");
  });

  it("gives up an end that the other side doesn't answer", async () => {
    const { client, server } = await pair(false);
    const peer = new Peer(server.socket);
    peer.socket.end();
    // The client never starts, so it never sees the end.
    await bench().until(peer.isClosed);
    expect(peer.error).toBeNull();
    client.socket.destroy();
  });

  it("tells both sides of a destroy", async () => {
    const { client, server } = await pair();
    client.socket.destroy();
    expect(client.events).toEqual([]);
    await bench().until(Promise.all([client.isClosed, server.isClosed]));
    expect(client.events).toEqual(["closed"]);
    expect(client.error).toBeNull();
    client.socket.destroy();
    client.socket.end();
    client.socket.pause();
    client.socket.resume();
  });

  it("tells of a close that came before start", async () => {
    const { client, server } = await pair(false);
    client.socket.destroy();
    const peer = new Peer(server.socket);
    await bench().until(peer.isClosed);
    server.socket.destroy();
    const late = new Peer(client.socket);
    await bench().until(late.isClosed);
    expect(late.events).toEqual(["closed"]);
  });
}
