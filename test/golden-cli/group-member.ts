/** Members of groups for the set-ups of recorded cases. */
import { Consumer, string } from "@ottla/client";

export interface MemberOptions {
  readonly bootstrapServers: string;
  readonly groupId: string;
  readonly clientId: string;
  readonly topic: string;
  readonly groupInstanceId?: string;
  /** Default `"classic"`. */
  readonly groupProtocol?: "classic" | "consumer";
  /** Whether it commits each message. Default true. */
  readonly commits?: boolean;
}

/** A consumer in a loop that can be held up, and goes on as a member then. */
export class Member {
  readonly clientId: string;
  private readonly consumer: Consumer<string, string>;
  private readonly commits: boolean;
  private readonly waiting = new Set<() => void>();
  private pausing = new AbortController();
  private loop: Promise<void>;

  private constructor(consumer: Consumer<string, string>, { clientId, commits = true }: MemberOptions) {
    this.consumer = consumer;
    this.clientId = clientId;
    this.commits = commits;
    this.loop = this.read();
  }

  static async join(options: MemberOptions): Promise<Member> {
    const { bootstrapServers, groupId, clientId, groupInstanceId, groupProtocol = "classic" } = options;
    const consumer = new Consumer({
      ...{ bootstrapServers, groupId, clientId, groupInstanceId, groupProtocol, key: string, value: string },
      ...{ autoOffsetReset: "earliest", enableAutoCommit: false, fetchMaxWaitMs: 50 },
      // The broker says how often members of a KIP-848 group are to be heard of.
      ...(groupProtocol === "classic" ? { heartbeatIntervalMs: 50 } : {}),
    });
    await consumer.subscribe([options.topic]);
    const member = new Member(consumer, options);
    consumer.on("assigned", () => member.changed());
    consumer.on("revoked", () => member.changed());
    return member;
  }

  get partitions(): string {
    return this.consumer
      .assignment()
      .map(({ partition }) => partition)
      .sort((a, b) => a - b)
      .join();
  }

  /** Resolves as soon as it owns exactly these partitions. */
  owns(partitions: string): Promise<void> {
    return this.until(() => this.partitions === partitions);
  }

  /** Takes no messages and no part in rebalances from now on, and remains a member. */
  async suspend(): Promise<void> {
    this.pausing.abort();
    await this.loop;
  }

  resume(): void {
    this.pausing = new AbortController();
    this.loop = this.read();
  }

  /** Commits where each of its partitions stands, also where there was nothing to read. */
  async commit(): Promise<void> {
    await Promise.all(this.consumer.assignment().map((place) => this.consumer.position(place)));
    await this.consumer.commit();
  }

  async close(): Promise<void> {
    await this.consumer.close();
    await this.loop;
  }

  private async read(): Promise<void> {
    const { signal } = this.pausing;
    try {
      for await (const _message of this.consumer.messages({ signal })) {
        if (this.commits) await this.consumer.commit();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  private until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!holds()) return;
        this.waiting.delete(check);
        resolve();
      };
      this.waiting.add(check);
      check();
    });
  }

  private changed(): void {
    for (const check of [...this.waiting]) check();
  }
}
