import { Consumer, type ConsumerOptions, string, type TopicPartition } from "@ottla/client";
import { bootstrapServers, topic } from "../order.ts";

export interface MemberOptions extends Partial<ConsumerOptions<string, string>> {
  readonly groupId: string;
  readonly clientId: string;
  /** How long it takes to put its work away when it has to let go of partitions. */
  readonly lettingGoMs?: number;
}

/** A consumer that takes part in its group, and keeps an eye on how long it is kept from working. */
export class GroupMember {
  /** How long it could not read anything, in milliseconds: while it let go, and as long as it owned nothing after that. */
  stoodStillMs = 0;
  /** How often it was given partitions or had to let go of some. */
  changes = 0;
  private readonly consumer: Consumer<string, string>;
  private readonly owned = new Set<number>();
  private stillSince: number | null = null;
  private running: Promise<void> = Promise.resolve();

  private constructor(options: ConsumerOptions<string, string>) {
    this.consumer = new Consumer<string, string>(options);
  }

  static async join({ lettingGoMs = 0, ...options }: MemberOptions): Promise<GroupMember> {
    const member = new GroupMember({ bootstrapServers, key: string, value: string, ...options });
    await member.consumer.subscribe([topic], {
      async onPartitionsRevoked(partitions) {
        member.stillSince ??= performance.now();
        await new Promise((resolve) => setTimeout(resolve, lettingGoMs));
        member.changed(partitions, (partition) => member.owned.delete(partition));
      },
      async onPartitionsAssigned(partitions) {
        member.changed(partitions, (partition) => member.owned.add(partition));
      },
    });
    member.running = member.read();
    return member;
  }

  /** What it owns, in order. */
  get partitions(): string {
    return [...this.owned].sort().join(",");
  }

  async close(): Promise<void> {
    await this.consumer.close();
    await this.running;
  }

  private async read(): Promise<void> {
    for await (const _message of this.consumer); // your business here
  }

  private changed(partitions: readonly TopicPartition[], change: (partition: number) => void): void {
    for (const { partition } of partitions) change(partition);
    this.changes += 1;
    if (this.stillSince === null || this.owned.size === 0) return;
    this.stoodStillMs += performance.now() - this.stillSince;
    this.stillSince = null;
  }
}
