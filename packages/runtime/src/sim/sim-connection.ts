import type { Timer } from "../clock.ts";
import type { Fabric, Host } from "./sim-fabric.ts";
import type { ProcessLife } from "./sim-process.ts";
import { type Segment, SimSocket, type Wire } from "./sim-socket.ts";

/** Reads in pieces hand over at most so many at a time. */
const largestPiece = 64 * 1024;

interface End {
  readonly host: Host;
  readonly life: ProcessLife;
}

export interface Ends {
  readonly from: End;
  readonly to: End;
  readonly port: number;
  /** Whether it was made to a loopback address. */
  readonly isLoopback: boolean;
}

/** The two sockets of a connection and the wires between them. */
export class SimConnection {
  readonly client: SimSocket;
  readonly server: SimSocket;
  readonly #fabric: Fabric;
  readonly #there: SimWire;
  readonly #back: SimWire;
  readonly #onOver: () => void;

  /** `onOver` is called once it is over on both sides. */
  constructor(fabric: Fabric, name: string, { from, to, port, isLoopback }: Ends, onOver: () => void) {
    this.#fabric = fabric;
    this.#onOver = onOver;
    const clientAddress = isLoopback ? "127.0.0.1" : from.host.address;
    const serverAddress = isLoopback ? "127.0.0.1" : to.host.address;
    const clientPort = from.host.nextPort++;
    this.#there = new SimWire(fabric, this, `${name}>`, from.host, to.host);
    this.#back = new SimWire(fabric, this, `${name}<`, to.host, from.host);
    this.client = new SimSocket(from.life, this.#there, {
      localAddress: clientAddress,
      localPort: clientPort,
      remoteAddress: serverAddress,
      remotePort: port,
    });
    this.server = new SimSocket(to.life, this.#back, {
      localAddress: serverAddress,
      localPort: port,
      remoteAddress: clientAddress,
      remotePort: clientPort,
    });
    this.#there.connect(this.client, this.server, this.#back);
    this.#back.connect(this.server, this.client, this.#there);
  }

  isBetween(name: string, other: string | undefined): boolean {
    const names = [this.#there.from.name, this.#there.to.name];
    return (
      names.includes(name) &&
      (other === undefined || (names.includes(other) && (name !== other || names[0] === names[1])))
    );
  }

  reset(): void {
    this.client.fail("ECONNRESET");
    this.server.fail("ECONNRESET");
    this.settle();
  }

  /** Nothing that is sent arrives before that time has passed. */
  stall(durationMs: number): void {
    this.#there.stall(durationMs);
    this.#back.stall(durationMs);
  }

  /** The process of one side (or of both) is gone. */
  abandon(life: ProcessLife): void {
    for (const socket of [this.client, this.server]) {
      if (socket.life !== life) continue;
      socket.abandon();
      socket.vanish();
    }
    this.settle();
  }

  /** The machine of one side (or of both) is gone, with what it had not sent yet. */
  vanish(host: Host): void {
    if (this.#there.from === host) this.client.vanish();
    if (this.#there.to === host) this.server.vanish();
    this.watch();
    this.settle();
  }

  /** The machine of one side is back, and knows nothing of the connection: so it tells those who still wait for an answer. */
  disown(host: Host): void {
    const ends = [
      [this.#there, this.server],
      [this.#back, this.client],
    ] as const;
    for (const [wire, other] of ends) {
      if (wire.from !== host || !other.isWaitingForPeer) continue;
      this.#fabric.clock.schedule(this.#fabric.delayMs(wire.from, wire.to), () => other.fail("ECONNRESET"));
    }
  }

  /** Lets go what a cut has held back. */
  release(): void {
    this.#there.release();
    this.#back.release();
  }

  /** Looks after connections that may have lost their other side. */
  watch(): void {
    this.#there.watch();
    this.#back.watch();
  }

  /** Forgets the connection once it is over on both sides. */
  settle(): void {
    if (this.client.isOver && this.server.isOver) this.#onOver();
  }
}

/** One direction of a connection. */
class SimWire implements Wire {
  readonly from: Host;
  readonly to: Host;
  readonly #fabric: Fabric;
  readonly #connection: SimConnection;
  readonly #name: string;
  #sender!: SimSocket;
  #receiver!: SimSocket;
  #reverse!: SimWire;
  /** Nothing arrives before this: what was sent earlier is still on its way. */
  #clearAtMs = 0;
  #stalledUntilMs = 0;
  /** What is on its way, in order. */
  readonly #segments: Segment[] = [];
  /** How many of them a cut has stopped. */
  #stopped = 0;
  #heldAcknowledgement = 0;
  #acknowledgements = 0;
  #watch: Timer | null = null;

  constructor(fabric: Fabric, connection: SimConnection, name: string, from: Host, to: Host) {
    this.#fabric = fabric;
    this.#connection = connection;
    this.#name = name;
    this.from = from;
    this.to = to;
  }

  connect(sender: SimSocket, receiver: SimSocket, reverse: SimWire): void {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#reverse = reverse;
  }

  send(segment: Segment): void {
    this.#segments.push(segment);
    this.#deliverOne();
    this.watch();
  }

  acknowledge(size: number): void {
    this.#reverse.takeAcknowledgement(size);
  }

  soon(callback: () => void): void {
    this.#fabric.clock.schedule(0, callback);
  }

  after(delayMs: number, callback: () => void): void {
    this.#fabric.clock.schedule(delayMs, callback);
  }

  readSize(arrived: number): number {
    const { reads, random } = this.#fabric;
    if (reads === "whole") return arrived;
    if (reads === "oneByte") return 1;
    const most = Math.min(arrived, largestPiece);
    // Mostly all that is there, as in real life; sometimes a few bytes.
    if (random.chance(0.7)) return most;
    return 1 + random.integer(random.chance(0.5) ? Math.min(most, 16) : most);
  }

  get isRecording(): boolean {
    return this.#fabric.record !== null;
  }

  record(line: string): void {
    this.#fabric.record?.(`${this.#name} ${line}`);
  }

  over(): void {
    this.#connection.settle();
  }

  /** The receiver has taken bytes, and says so on the way back, unless that is cut. */
  takeAcknowledgement(size: number): void {
    this.#heldAcknowledgement += size;
    this.#passAcknowledgement();
  }

  stall(durationMs: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#fabric.clock.monotonic() + durationMs);
  }

  release(): void {
    const count = this.#stopped;
    this.#stopped = 0;
    for (let i = 0; i < count; i++) this.#deliverOne();
    this.#passAcknowledgement();
  }

  /**
   * Where nobody may be left to answer, breaks the connection some time later. A peer that answers and reads nothing is
   * waited for as long as it takes.
   */
  watch(): void {
    if (this.#watch !== null || !this.#isInDoubt()) return;
    const before = this.#acknowledgements;
    this.#watch = this.#fabric.clock.schedule(this.#fabric.retransmissionTimeoutMs, () => {
      this.#watch = null;
      if (!this.#isInDoubt()) return;
      if (this.#acknowledgements !== before) this.watch();
      else this.#sender.fail("ETIMEDOUT");
    });
  }

  #isInDoubt(): boolean {
    const isReachable =
      this.to.isUp && !this.#fabric.isCut(this.from, this.to) && !this.#fabric.isCut(this.to, this.from);
    return !isReachable && this.#sender.isWaitingForPeer;
  }

  /** Lets one more segment arrive, after those before it. */
  #deliverOne(): void {
    const { clock } = this.#fabric;
    const delayMs = this.#fabric.delayMs(this.from, this.to);
    // What has waited comes piece by piece, each when the one before it has been confirmed.
    if (clock.monotonic() < this.#stalledUntilMs) {
      this.#clearAtMs = Math.max(this.#clearAtMs, this.#stalledUntilMs) + delayMs;
    } else this.#clearAtMs = Math.max(this.#clearAtMs, clock.monotonic() + delayMs);
    clock.schedule(this.#clearAtMs - clock.monotonic(), () => {
      // A cut stops what is under way, and what was sent since behind it.
      if (this.#fabric.isCut(this.from, this.to)) {
        this.#stopped++;
        return;
      }
      const segment = this.#segments.shift()!;
      if (this.to.isUp) this.#receiver.arrive(segment);
    });
  }

  #passAcknowledgement(): void {
    if (this.#heldAcknowledgement === 0 || this.#fabric.isCut(this.to, this.from)) return;
    const size = this.#heldAcknowledgement;
    this.#heldAcknowledgement = 0;
    this.#acknowledgements++;
    this.#sender.acknowledged(size);
  }
}
