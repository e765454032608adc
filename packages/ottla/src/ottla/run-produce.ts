import { Producer, type ProducerRecord, type RecordMetadata } from "@ottla/client";
import type { ProduceOptions } from "./command-options.ts";
import { checkReachable, clientSettings, speakingPlainly } from "./connection.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { recordOfJson } from "./message-text.ts";
import { counted, printJson, printLine } from "./output.ts";

type TextRecord = ProducerRecord<string | Buffer, string | Buffer>;

/** So many messages may be on their way before the next line is read. */
const mostUnderWay = 10_000;

/** `ottla produce` */
export function produce(
  topic: string,
  messages: readonly string[],
  options: ProduceOptions,
  context: CommandContext,
): Promise<void> {
  return speakingPlainly(async () => {
    const { terminal } = context;
    const settings = clientSettings(options, context);
    const { defaultApiTimeoutMs: _, retries: __, ...shared } = settings;
    const headers = (options.header ?? []).map(parseHeader);
    await using producer = new Producer<string | Buffer, string | Buffer>({
      ...shared,
      compression: options.compression,
      maxBlockMs: options.timeout,
    });
    await checkReachable(options, context);
    const isFromInput = messages.length === 0;
    if (isFromInput && terminal.isTyped) terminal.complain("a message a line; Ctrl-D ends\n");
    const delivery = new Delivery(options, context, !isFromInput || terminal.isTyped);
    let number = 0;
    for await (const text of isFromInput ? terminal.lines() : messages) {
      number += 1;
      const record = recordOf(text, topic, options, `message ${number}`);
      delivery.add(producer.send({ ...record, headers: [...record.headers, ...headers] }));
      if (terminal.isTyped || delivery.underWay >= mostUnderWay) await delivery.settled();
    }
    await producer.flush();
    await delivery.settled();
    delivery.summarize(topic);
  });
}

type Headers = readonly (readonly [string, string | Buffer | null])[];

function recordOf(
  text: string,
  topic: string,
  options: ProduceOptions,
  where: string,
): TextRecord & { readonly headers: Headers } {
  const { key, keySeparator, partition, input } = options;
  if (input === "json") {
    const record = recordOfJson(text, topic, where);
    return { ...record, key: key ?? record.key, partition: partition ?? record.partition };
  }
  const headers: Headers = [];
  if (keySeparator === undefined) return { topic, key, value: text, partition, headers };
  const end = text.indexOf(keySeparator);
  if (end < 0) throw new CommandError(`${where} has no ${JSON.stringify(keySeparator)} between key and value`);
  return { topic, key: text.slice(0, end), value: text.slice(end + keySeparator.length), partition, headers };
}

function parseHeader(text: string): [string, string] {
  const end = text.indexOf("=");
  if (end <= 0) throw new CommandError(`--header ${text} must be name=value`);
  return [text.slice(0, end), text.slice(end + 1)];
}

/** What is on its way, and what is said of it when it has arrived. */
class Delivery {
  private readonly options: ProduceOptions;
  private readonly context: CommandContext;
  private readonly tellsEach: boolean;
  private readonly pending: Promise<RecordMetadata>[] = [];
  private readonly counts = new Map<number, number>();

  constructor(options: ProduceOptions, context: CommandContext, tellsEach: boolean) {
    this.options = options;
    this.context = context;
    this.tellsEach = tellsEach;
  }

  get underWay(): number {
    return this.pending.length;
  }

  add(sent: Promise<RecordMetadata>): void {
    // The first failure is heard of when it is waited for.
    sent.catch(() => {});
    this.pending.push(sent);
  }

  /** Waits for all that was added, in its order. */
  async settled(): Promise<void> {
    const { terminal } = this.context;
    for (const { topic, partition, offset, timestamp } of await Promise.all(this.pending.splice(0))) {
      this.counts.set(partition, (this.counts.get(partition) ?? 0) + 1);
      if (this.options.json) printJson(terminal, { topic, partition, offset, timestamp });
      else if (this.tellsEach) printLine(terminal, `${topic}: partition ${partition}, offset ${offset}`);
    }
  }

  summarize(topic: string): void {
    if (this.options.json || this.tellsEach) return;
    const total = [...this.counts.values()].reduce((sum, count) => sum + count, 0);
    const partitions = counted(this.counts.size, "partition");
    printLine(this.context.terminal, `sent ${counted(total, "message")} to ${partitions} of ${topic}`);
  }
}
