import { assert } from "../assert.ts";
import {
  type ConnectOptions,
  type Listener,
  type ListenOptions,
  type Network,
  NetworkError,
  type Socket,
} from "../network.ts";
import type { SimClock } from "./sim-clock.ts";
import { SimConnection } from "./sim-connection.ts";
import type { Fabric, Host, OpenListener, Reads } from "./sim-fabric.ts";
import type { ProcessLife, WriteLine } from "./sim-process.ts";
import { type SimRandom, simRandom } from "./sim-random.ts";
import type { SimSocket } from "./sim-socket.ts";

export interface Latency {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface SimNetworkOptions {
  readonly clock: SimClock;
  /** Decides latencies and how bytes are cut into reads; seeded with 0 by default. */
  readonly random?: SimRandom;
  readonly record?: WriteLine;
}

/** A simulated network; see `SimNetwork`. */
export function simNetwork(options: SimNetworkOptions): SimNetwork {
  return new SimNetwork(options);
}

const firstFreePort = 40_000;
/** Linux sends the first packet of a connection again after a second, and then after twice as long each time. */
const firstRetryMs = 1_000;
const longestTimeoutMs = 2 ** 31 - 1;
const loopbackHosts = ["localhost", "127.0.0.1", "::1"];
const anyHosts = ["", "0.0.0.0", "::"];

/**
 * The network between simulated machines: TCP as programs see it. Machines are reached by name or address. Everything here is what a test does to it; processes
 * get a `Network` by `of`.
 */
export class SimNetwork implements Fabric {
  /** How arrived bytes are handed over; `"pieces"` by default. */
  reads: Reads = "pieces";
  /** One way between two machines; 0.1 to 2 ms by default. */
  latency: Latency = { minMs: 0.1, maxMs: 2 };
  /** One way within a machine; 0.02 to 0.1 ms by default. */
  loopbackLatency: Latency = { minMs: 0.02, maxMs: 0.1 };
  /** After that long without an answer to what was sent a connection fails with `ETIMEDOUT`; 2 minutes by default. */
  retransmissionTimeoutMs = 120_000;
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly record: WriteLine;
  readonly #hosts = new Map<string, Host>();
  readonly #connections = new Set<SimConnection>();
  readonly #cuts = new Set<string>();
  readonly #refusing = new Set<string>();
  #connectionCount = 0;

  constructor({ clock, random = simRandom(0), record = null }: SimNetworkOptions) {
    this.clock = clock;
    this.random = random;
    this.record = record;
  }

  /** Adds a machine. */
  addHost(name: string): Host {
    assert(!this.#hosts.has(name), `there is a host ${name} already`);
    const address = `10.0.0.${this.#hosts.size + 1}`;
    const host = { name, address, listeners: [], isUp: true, nextPort: firstFreePort };
    this.#hosts.set(name, host);
    return host;
  }

  /** The network as a process on a machine has it. */
  of(host: Host, life: ProcessLife): Network {
    life.onEnd(() => this.#abandon(host, life));
    return new ProcessNetwork(this, host, life);
  }

  /** Nothing gets from one machine to another any more; connections stay, and what is sent waits for `heal`. The other way is not affected. */
  cut(from: string, to: string): void {
    this.record?.(`cut ${from} ${to}`);
    this.#cuts.add(`${from} ${to}`);
    for (const connection of this.#connections) connection.watch();
  }

  /** Undoes a `cut`. */
  heal(from: string, to: string): void {
    this.record?.(`heal ${from} ${to}`);
    this.#cuts.delete(`${from} ${to}`);
    for (const connection of this.#connections) connection.release();
  }

  /** Cuts both ways between a machine and all the others. */
  isolate(name: string): void {
    for (const other of this.#hosts.keys()) {
      if (other === name) continue;
      this.cut(name, other);
      this.cut(other, name);
    }
  }

  /** Undoes every `cut`. */
  healAll(): void {
    for (const cut of [...this.#cuts]) this.heal(...(cut.split(" ") as [string, string]));
  }

  isCut(from: Host, to: Host): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from.name} ${to.name}`);
  }

  /** Makes a machine refuse new connections, or accept them again. */
  refuse(name: string, refuses = true): void {
    if (refuses) this.#refusing.add(name);
    else this.#refusing.delete(name);
  }

  /** Resets the connections of a machine, or those between two. Both sides see `ECONNRESET`. */
  reset(name: string, other?: string): void {
    this.record?.(`reset ${name} ${other ?? "all"}`);
    for (const connection of [...this.#connections]) if (connection.isBetween(name, other)) connection.reset();
  }

  /** What is sent from now on over the connections that there are between two machines takes that long; new connections are not affected, and may overtake. */
  stall(name: string, other: string, durationMs: number): void {
    this.record?.(`stall ${name} ${other} ${durationMs}`);
    for (const connection of this.#connections) if (connection.isBetween(name, other)) connection.stall(durationMs);
  }

  /** The machine dies without a word to anybody. */
  crash(host: Host): void {
    host.isUp = false;
    host.listeners.length = 0;
    for (const connection of [...this.#connections]) connection.vanish(host);
  }

  restart(host: Host): void {
    host.isUp = true;
    for (const connection of this.#connections) connection.disown(host);
  }

  /** How long something takes from one machine to the other. */
  delayMs(from: Host, to: Host): number {
    const { minMs, maxMs } = from === to ? this.loopbackLatency : this.latency;
    // Rounded, so that several things may arrive in one instant, as several sockets are ready in one turn of a real event loop.
    return Math.round(this.random.between(minMs, maxMs) * 16) / 16;
  }

  /** Whom a machine means by a host name or address; undefined if there is none. */
  resolve(from: Host, name: string): Host | undefined {
    if (loopbackHosts.includes(name)) return from;
    return this.#hosts.get(name) ?? [...this.#hosts.values()].find(({ address }) => address === name);
  }

  /** Who answers at a port; undefined if nobody does. */
  listenerAt(host: Host, port: number, isLocal: boolean): OpenListener | undefined {
    if (this.#refusing.has(host.name)) return undefined;
    return host.listeners.find((listener) => listener.port === port && (isLocal || !listener.isLoopback));
  }

  /** Makes the two sockets of a connection. */
  join(from: Host, life: ProcessLife, to: Host, listener: OpenListener, isLoopback: boolean): SimConnection {
    const name = `#${++this.#connectionCount}`;
    this.record?.(`connect ${name} ${life.name} to ${listener.life.name}`);
    const ends = { from: { host: from, life }, to: { host: to, life: listener.life }, port: listener.port, isLoopback };
    const connection = new SimConnection(this, name, ends, () => this.#connections.delete(connection));
    this.#connections.add(connection);
    return connection;
  }

  #abandon(host: Host, life: ProcessLife): void {
    const kept = host.listeners.filter((listener) => listener.life !== life);
    host.listeners.splice(0, host.listeners.length, ...kept);
    for (const connection of [...this.#connections]) connection.abandon(life);
  }
}

class ProcessNetwork implements Network {
  readonly #network: SimNetwork;
  readonly #host: Host;
  readonly #life: ProcessLife;

  constructor(network: SimNetwork, host: Host, life: ProcessLife) {
    this.#network = network;
    this.#host = host;
    this.#life = life;
  }

  connect(options: ConnectOptions): Promise<Socket> {
    const { host, port, timeoutMs, signal } = options;
    const what = `connecting to ${host}:${port}`;
    const network = this.#network;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      let socket: SimSocket | null = null;
      let isSettled = false;
      const settle = (callback: () => void) => {
        if (isSettled) return;
        isSettled = true;
        timer.cancel();
        signal?.removeEventListener("abort", aborted);
        this.#life.run(callback);
      };
      const give = (error: unknown) => {
        settle(() => reject(error));
        socket?.destroy();
      };
      const fail = (code: string) => give(new NetworkError(`${what} failed: ${code}`, code));
      const aborted = () => give(signal?.reason);
      const timer = network.clock.schedule(Math.min(timeoutMs, longestTimeoutMs), () => {
        give(new NetworkError(`${what} took longer than ${timeoutMs} ms`, "ETIMEDOUT"));
      });
      signal?.addEventListener("abort", aborted, { once: true });
      this.#knock(host, port, {
        isWanted: () => !isSettled && this.#life.isAlive,
        refused: fail,
        joined: (client) => {
          // Given up, or dead, while this was on its way: the other side hears of it.
          if (isSettled || !this.#life.isAlive) client.destroy();
          else socket = client;
        },
        opened: (client) => settle(() => resolve(client)),
      });
    });
  }

  async listen(options: ListenOptions, accept: (socket: Socket) => void): Promise<Listener> {
    const { host, port } = options;
    const fail = (code: string) => new NetworkError(`listening on ${host}:${port} failed: ${code}`, code);
    if (!isPort(port)) throw fail("ERR_SOCKET_BAD_PORT");
    const isLoopback = loopbackHosts.includes(host);
    if (!isLoopback && !anyHosts.includes(host) && this.#network.resolve(this.#host, host) !== this.#host) {
      throw fail("EADDRNOTAVAIL");
    }
    const { listeners } = this.#host;
    if (listeners.some((listener) => listener.port === port)) throw fail("EADDRINUSE");
    let chosen = port;
    while (chosen === 0 || listeners.some((listener) => listener.port === chosen)) chosen = this.#host.nextPort++;
    const listener = { port: chosen, isLoopback, life: this.#life, accept };
    if (this.#life.isAlive) listeners.push(listener);
    return {
      port: chosen,
      close: async () => {
        const index = listeners.indexOf(listener);
        if (index >= 0) listeners.splice(index, 1);
      },
    };
  }

  /** Goes to the other machine and back, and tells how it went. Where nobody answers it knocks again after a while, as systems do, for as long as somebody wants it. */
  #knock(name: string, port: number, answers: Answers, retryMs = firstRetryMs): void {
    const { refused, joined, opened } = answers;
    const network = this.#network;
    const from = this.#host;
    const to = network.resolve(from, name);
    if (to === undefined || !isPort(port)) {
      network.clock.schedule(0, () => refused(to === undefined ? "ENOTFOUND" : "ERR_SOCKET_BAD_PORT"));
      return;
    }
    network.clock.schedule(network.delayMs(from, to), () => {
      if (!to.isUp || network.isCut(from, to) || network.isCut(to, from)) {
        network.clock.schedule(retryMs, () => {
          if (answers.isWanted()) this.#knock(name, port, answers, 2 * retryMs);
        });
        return;
      }
      const isLoopback = loopbackHosts.includes(name);
      const listener = network.listenerAt(to, port, from === to && isLoopback);
      const backMs = network.delayMs(to, from);
      if (listener === undefined) {
        network.clock.schedule(backMs, () => refused("ECONNREFUSED"));
        return;
      }
      const { client, server } = network.join(from, this.#life, to, listener, isLoopback);
      joined(client);
      network.clock.schedule(backMs, () => {
        if (!network.isCut(to, from)) opened(client);
      });
      listener.life.run(() => listener.accept(server));
    });
  }
}

/** What becomes of an attempt to connect. */
interface Answers {
  readonly isWanted: () => boolean;
  readonly refused: (code: string) => void;
  /** The other side has it, and its answer is on the way. */
  readonly joined: (client: SimSocket) => void;
  readonly opened: (client: SimSocket) => void;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port < 65_536;
}
