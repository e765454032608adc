import { styleText } from "node:util";
import { Admin, json, Producer, string } from "@ottla/client";
import { type Clock, sleep } from "@ottla/runtime";
import type { MemberOptions } from "./member-events.ts";
import { type Member, MemberProcess } from "./member-process.ts";
import { OrderStream } from "./order-stream.ts";
import { makeOrders, type Order } from "./orders.ts";

export const topic = "order-events";
export const partitionCount = 6;
export const allPartitions: readonly number[] = Array.from({ length: partitionCount }, (_, partition) => partition);

/** Where one order went. */
export interface Placed {
  readonly order: Order;
  readonly partition: number;
  readonly offset: number;
}

/** What the walk-through is played with. */
export interface Theatre {
  readonly bootstrapServers: string;
  readonly clock: Clock;
  /** How to start this program once more: a script and what goes before the name of the command. */
  readonly program: readonly string[];
  /** Ends the walk-through. */
  readonly signal: AbortSignal;
}

/** How a member differs from the usual. */
export type MemberSettings = Partial<Omit<MemberOptions, "bootstrapServers" | "groupId" | "name">>;

const usualSettings = {
  topic,
  strategy: "range",
  commit: "each",
  heartbeatIntervalMs: 200,
  sessionTimeoutMs: 6000,
} as const;

/** Everybody who plays in the walk-through: an admin, a producer, and members in processes of their own. */
export class Cast {
  readonly bootstrapServers: string;
  readonly clock: Clock;
  readonly admin: Admin;
  private readonly program: readonly string[];
  private readonly signal: AbortSignal;
  readonly placed: Placed[] = [];
  private readonly producer: Producer<string, Order>;
  private readonly processes = new Set<MemberProcess>();
  private readonly waiting = new Set<() => void>();
  private orderCount = 0;

  constructor({ bootstrapServers, clock, program, signal }: Theatre) {
    this.bootstrapServers = bootstrapServers;
    this.clock = clock;
    this.program = program;
    this.signal = signal;
    this.admin = new Admin({ bootstrapServers });
    this.producer = new Producer({
      bootstrapServers,
      key: string,
      value: json<Order>(),
      acks: "all",
      compression: "snappy",
    });
  }

  /** Sends the next `count` orders, the customer as key. */
  async sendOrders(count: number): Promise<Placed[]> {
    const sent = await Promise.all(
      this.nextOrders(count).map(async (order) => {
        const { partition, offset } = await this.producer.send({ topic, key: order.customerId, value: order });
        return { order, partition, offset };
      }),
    );
    this.placed.push(...sent);
    return sent;
  }

  private nextOrders(count: number): Order[] {
    const orders = makeOrders(this.orderCount + 1, count);
    this.orderCount += count;
    return orders;
  }

  /** How many orders each partition holds. */
  counts(placed: readonly Placed[] = this.placed): number[] {
    const counts = new Array<number>(partitionCount).fill(0);
    for (const { partition } of placed) counts[partition] = (counts[partition] ?? 0) + 1;
    return counts;
  }

  /** Sends orders to every partition of a topic until the stream is stopped; these are not among those `placed`. */
  stream(topic: string): OrderStream {
    return new OrderStream(this.producer, this.clock, topic, allPartitions);
  }

  /** Starts a member of a group in a process of its own. */
  join(groupId: string, name: string, options: MemberSettings = {}): Member {
    const [member] = this.joinSeveral([{ groupId, name, ...options }]);
    return member!;
  }

  /** Starts members of several groups in one process. */
  joinSeveral(
    all: readonly ({ readonly groupId: string; readonly name: string } & MemberSettings)[],
  ): readonly Member[] {
    const { bootstrapServers } = this;
    const process = new MemberProcess(
      this.program,
      all.map((options) => ({ bootstrapServers, ...usualSettings, ...options })),
      () => this.changed(),
    );
    this.processes.add(process);
    return process.members;
  }

  /** Ends the process that the member is in; it leaves its group, unless it is a static member. */
  async leave({ process }: Member): Promise<void> {
    this.processes.delete(process);
    await process.stop(this.clock);
  }

  async kill({ process }: Member): Promise<void> {
    this.processes.delete(process);
    await process.kill();
  }

  /** Resolves with true as soon as `holds` does after an event of some member, with false after `timeoutMs`. Rejects when the walk-through is to end. */
  async until(holds: () => boolean, timeoutMs = 20_000): Promise<boolean> {
    this.signal.throwIfAborted();
    if (holds()) return true;
    const over = new AbortController();
    let check: () => void = () => {};
    const seen = new Promise<boolean>((resolve) => {
      check = () => {
        if (holds()) resolve(true);
      };
      this.waiting.add(check);
    });
    const late = sleep(this.clock, timeoutMs, AbortSignal.any([over.signal, this.signal])).then(
      () => false,
      () => false,
    );
    const result = await Promise.race([seen, late]);
    this.waiting.delete(check);
    over.abort();
    this.signal.throwIfAborted();
    return result;
  }

  /** Calls back after each event of some member. */
  onChange(listener: () => void): void {
    this.waiting.add(listener);
  }

  /** Sends everybody home. */
  async close(): Promise<void> {
    await Promise.all([...this.processes].map((process) => process.stop(this.clock)));
    await this.producer.close();
    await this.admin.close();
  }

  private changed(): void {
    for (const check of [...this.waiting]) check();
  }
}

/** A member's partitions as text. */
export function shown(partitions: readonly number[] | null): string {
  return partitions === null ? "(not joined)" : partitions.length === 0 ? "(none)" : partitions.join(", ");
}

const colors = ["cyan", "magenta", "yellow", "green"] as const;

/** Something that belongs to a member, in the member's colour: `consumer-2` is always magenta. */
export function colored({ name }: Member, text: string): string {
  const number = Number(/\d+$/.exec(name)?.[0] ?? 1);
  return styleText(colors[(number - 1) % colors.length] ?? "cyan", text);
}

/** Whether each member owns exactly what is expected of it, in order. */
export function owns(members: readonly Member[], expected: readonly (readonly number[])[]): boolean {
  return members.every((member, index) => member.assignment?.join() === expected[index]?.join());
}

/** How many messages members have handled. */
export function handledBy(members: readonly Member[]): number {
  return members.reduce((sum, { handled }) => sum + handled.length, 0);
}
