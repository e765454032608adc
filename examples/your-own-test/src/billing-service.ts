/** A consumer service as one would write it: it knows nothing of tests. */
import { CommitFailedError, Consumer, type Message, Producer, string } from "@ottla/client";

export interface Order {
  readonly orderId: string;
  readonly amount: number;
}

/** Where orders are booked. An order may come more than once (Kafka delivers at least once): booking it again must change nothing. */
export interface Ledger {
  book(order: Order): Promise<void>;
}

export interface BillingOptions {
  readonly bootstrapServers: string;
  readonly clientId: string;
  readonly ledger: Ledger;
}

/** Books the orders of the topic `orders`, those of a partition one after the other. What is no order goes to `orders-rejected`, so that it holds nothing up. */
export class BillingService implements AsyncDisposable {
  /** Settles when the service has stopped; rejects when it had to give up. */
  readonly stopped: Promise<void>;
  private readonly ledger: Ledger;
  private readonly consumer: Consumer<string, string>;
  private readonly rejected: Producer<string, string>;
  private readonly stopping = new AbortController();

  constructor({ bootstrapServers, clientId, ledger }: BillingOptions) {
    this.ledger = ledger;
    this.consumer = new Consumer({
      bootstrapServers,
      clientId,
      groupId: "billing",
      key: string,
      value: string, // read as text: a message that is no JSON is our business, not an error of the consumer
      autoOffsetReset: "earliest",
      enableAutoCommit: false,
      signal: this.stopping.signal,
    });
    this.rejected = new Producer({ bootstrapServers, key: string, value: string });
    this.stopped = this.run();
  }

  /** Finishes the batch that it is in, commits it and leaves the group. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private async run(): Promise<void> {
    try {
      await this.consumer.subscribe(["orders"]);
      for await (const batch of this.consumer.batches()) {
        for (const message of batch) await this.handle(message);
        await this.commit();
      }
    } finally {
      await this.consumer.close();
      await this.rejected.close();
    }
  }

  private async handle(message: Message<string, string>): Promise<void> {
    const order = readOrder(message.value);
    if (order !== null) {
      await this.ledger.book(order);
      return;
    }
    const from = `${message.topic}-${message.partition}@${message.offset}`;
    const { key, value } = message;
    await this.rejected.send({ topic: "orders-rejected", key, value, headers: { from } });
  }

  private async commit(): Promise<void> {
    try {
      await this.consumer.commit();
    } catch (error) {
      // The group has given the partitions to somebody else meanwhile, who books these orders again: the ledger does not mind.
      if (!(error instanceof CommitFailedError)) throw error;
    }
  }
}

function readOrder(text: string | null): Order | null {
  try {
    const { orderId, amount } = JSON.parse(text ?? "") as Order;
    return typeof orderId === "string" && Number.isFinite(amount) ? { orderId, amount } : null;
  } catch {
    return null;
  }
}
