import type { Socket } from "../network.ts";
import type { SimClock } from "./sim-clock.ts";
import type { ProcessLife, WriteLine } from "./sim-process.ts";
import type { SimRandom } from "./sim-random.ts";

/** How arrived bytes are handed over: all at once, in pieces of random sizes, or one by one. */
export type Reads = "whole" | "pieces" | "oneByte";

export interface OpenListener {
  readonly port: number;
  /** Whether other machines can't reach it. */
  readonly isLoopback: boolean;
  readonly life: ProcessLife;
  readonly accept: (socket: Socket) => void;
}

/** A machine as the network knows it. */
export interface Host {
  readonly name: string;
  readonly address: string;
  readonly listeners: OpenListener[];
  isUp: boolean;
  nextPort: number;
}

/** What a connection needs of the network that it runs over. */
export interface Fabric {
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly reads: Reads;
  readonly retransmissionTimeoutMs: number;
  readonly record: WriteLine;
  /** How long something takes from one machine to the other. */
  delayMs(from: Host, to: Host): number;
  isCut(from: Host, to: Host): boolean;
}
