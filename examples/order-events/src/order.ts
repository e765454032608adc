/** What all the programs here share: where the broker is, the topic, and what an order looks like. */
import { Admin, KafkaError } from "@ottla/client";

export const bootstrapServers = process.env.BOOTSTRAP_SERVERS ?? "localhost:9092";
export const topic = "order-events";

export interface Order {
  orderId: string;
  customerId: string;
  orderType: string;
  amount: number;
  timestamp: string;
}

/** Creates the topic with six partitions, unless it is there. */
export async function createTopic(): Promise<void> {
  await using admin = new Admin({ bootstrapServers });
  try {
    await admin.createTopics([{ topic, partitions: 6 }]);
  } catch (error) {
    if (!(error instanceof KafkaError && error.code === "TOPIC_ALREADY_EXISTS")) throw error;
  }
}

/** The value after `--id` on the command line. */
export function idArgument(): string {
  const index = process.argv.indexOf("--id");
  const id = process.argv[index + 1];
  if (index === -1 || id === undefined) {
    console.error("which consumer is this? --id <number>");
    process.exit(2);
  }
  return id;
}

/** A signal that aborts on Ctrl-C, for a loop that should end tidily. */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  process.once("SIGTERM", () => controller.abort());
  return controller.signal;
}
