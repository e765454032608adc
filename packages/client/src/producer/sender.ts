import { apis, errorCodes, type ProduceResponse, zeroUuid } from "@ottla/protocol";
import type { Logger, Timer } from "@ottla/runtime";
import type { ClientCore } from "../client-core.ts";
import { KafkaError, kafkaError } from "../errors.ts";
import { retry } from "../request.ts";
import type { AccumulatorEffect, AccumulatorEvent, BatchAnswer, SentRequest } from "./accumulator-events.ts";
import type { AccumulatorMachine } from "./accumulator-machine.ts";
import type { Batch } from "./batch.ts";

export interface SenderOptions {
  readonly core: ClientCore;
  readonly machine: AccumulatorMachine;
  readonly acks: number;
  /** Batches have been settled, and their memory is free. */
  readonly onSettled: () => void;
  readonly onDelivered: (batch: Batch, baseOffset: number) => void;
  readonly onRetried: (batch: Batch, error: KafkaError) => void;
  readonly onRejected: (batch: Batch, error: KafkaError) => void;
}

/** Feeds the accumulator's machine with what happens, one event at a time, and does what it says. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #logger: Logger;
  readonly #events: AccumulatorEvent[] = [];
  #isHandling = false;
  #isPollScheduled = false;
  #timer: Timer | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #nextToken = 0;
  readonly #flushes = new Map<number, () => void>();
  readonly #closing = new AbortController();
  readonly #stopListening: () => void;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#logger = options.core.logger;
    this.#stopListening = options.core.metadata.onChange(() => {
      if (options.machine.incompleteCount > 0) this.#dispatch({ type: "poll" });
    });
  }

  /** To be called after records were appended: sends what is ready at the end of this turn, or sets the timer. */
  wake(): void {
    if (this.#options.machine.wantsPoll) this.#schedulePoll();
    else this.#arm();
  }

  /** Resolves when every batch that is there now has been delivered or given up. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      const token = this.#nextToken++;
      this.#flushes.set(token, resolve);
      this.#dispatch({ type: "flush", token });
    });
  }

  /** Gives up every batch. */
  abort(error: KafkaError): void {
    this.#dispatch({ type: "abort", error });
  }

  close(): void {
    this.#stopListening();
    this.#closing.abort();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #schedulePoll(): void {
    if (this.#isPollScheduled || this.#closing.signal.aborted) return;
    this.#isPollScheduled = true;
    // At the end of the turn: all that the program sends in one go shares its batches, and the batches their requests.
    this.#options.core.runtime.clock.defer(() => {
      this.#isPollScheduled = false;
      this.#dispatch({ type: "poll" });
    });
  }

  #arm(): void {
    const at = this.#options.machine.deadline();
    if (at >= this.#timerAt || this.#closing.signal.aborted) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    const { clock } = this.#options.core.runtime;
    const delayMs = Math.ceil(Math.max(0, at - clock.monotonic()));
    this.#timer = clock.setTimer(delayMs, () => {
      this.#timer = null;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#dispatch({ type: "poll" });
    });
  }

  #dispatch(event: AccumulatorEvent): void {
    this.#events.push(event);
    if (this.#isHandling) return;
    this.#isHandling = true;
    const { machine, core } = this.#options;
    let hasSettled = false;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      for (const effect of machine.handle(next, core.runtime.clock.monotonic())) {
        hasSettled ||= effect.type === "delivered" || effect.type === "rejected";
        this.#carryOut(effect);
      }
    }
    this.#isHandling = false;
    if (hasSettled) this.#options.onSettled();
    this.wake();
  }

  #carryOut(effect: AccumulatorEffect): void {
    switch (effect.type) {
      case "send":
        this.#send(effect.request);
        break;
      case "connect":
        this.#connect(effect.nodeId);
        break;
      case "identify":
        void this.#identify();
        break;
      case "refresh":
        this.#options.core.metadata.invalidate(effect.topic);
        break;
      case "delivered":
        this.#options.onDelivered(effect.batch, effect.baseOffset);
        effect.batch.deliver(effect.baseOffset, effect.logAppendTimeMs);
        break;
      case "rejected":
        this.#options.onRejected(effect.batch, effect.errorOf(0));
        effect.batch.reject(effect.errorOf);
        break;
      case "retried":
        this.#logger.debug(effect.error.message, { attempts: effect.batch.attempts });
        this.#options.onRetried(effect.batch, effect.error);
        break;
      case "flushed":
        this.#flushes.get(effect.token)?.();
        this.#flushes.delete(effect.token);
        break;
    }
  }

  #connect(nodeId: number): void {
    this.#options.core.pool.connect(nodeId, "default", this.#closing.signal).then(
      () => this.#dispatch({ type: "connected", nodeId }),
      (cause: unknown) => {
        if (this.#closing.signal.aborted) return;
        const error = asKafkaError(cause);
        // A node that metadata do not know is asked for again at the pace of metadata, not in a loop.
        const { clock } = this.#options.core.runtime;
        const pauseMs = this.#options.core.pool.isUnavailable(nodeId) ? 0 : this.#options.core.config.retryBackoffMs;
        clock.setTimer(pauseMs, () => {
          if (!this.#closing.signal.aborted) this.#dispatch({ type: "disconnected", nodeId, error });
        });
      },
    );
  }

  #send(request: SentRequest): void {
    const { pool, config } = this.#options.core;
    const connection = pool.connection(request.nodeId);
    if (connection === null) {
      this.#dispatch({ type: "unsent", request });
      return;
    }
    let body: ReturnType<typeof produceBody>;
    try {
      body = produceBody(request, this.#options.core.metadata, this.#options.acks, config.requestTimeoutMs);
    } catch (error) {
      // A codec that cannot be loaded: it will not be there next time either.
      this.#dispatch({ type: "failed", request, error: asKafkaError(error) });
      return;
    }
    const { acks } = this.#options;
    const maxVersion = body.hasIds ? undefined : 12;
    const answered =
      acks === 0
        ? connection.requestWithoutAnswer(apis.produce, body.value, { maxVersion }).then(() => null)
        : connection.request(apis.produce, body.value, { maxVersion });
    answered.then(
      (answer) => {
        const answers = answer === null ? unanswered(request) : this.#answers(request, answer.response, body.names);
        this.#dispatch({ type: "answered", request, answers, broker: pool.describe(request.nodeId) });
      },
      (error: unknown) => this.#dispatch({ type: "failed", request, error: asKafkaError(error) }),
    );
  }

  /** Puts the answers where their batches stand in the request, and takes over the leaders that they name (KIP-951). */
  #answers(
    request: SentRequest,
    response: ProduceResponse,
    names: ReadonlyMap<string, string>,
  ): (BatchAnswer | undefined)[] {
    const places = new Map<string, number>();
    for (const [index, { batch }] of request.sent.entries()) {
      places.set(`${batch.queue.partition} ${batch.queue.topic}`, index);
    }
    const answers: (BatchAnswer | undefined)[] = request.sent.map(() => undefined);
    for (const topic of response.responses) {
      const name = topic.topicId === zeroUuid ? topic.name : names.get(topic.topicId);
      for (const one of topic.partitionResponses) {
        const place = places.get(`${one.index} ${name}`);
        if (place === undefined || name === undefined) continue;
        answers[place] = one;
        const { leaderId, leaderEpoch: epoch } = one.currentLeader;
        if (one.errorCode === errorCodes.NONE || leaderId < 0) continue;
        const endpoint = response.nodeEndpoints.find((node) => node.nodeId === leaderId);
        this.#options.core.metadata.updateLeader(name, one.index, { nodeId: leaderId, epoch }, endpoint);
      }
    }
    return answers;
  }

  /** Asks for a producer id until there is one, or it is clear that there will be none. */
  async #identify(): Promise<void> {
    const { core } = this.#options;
    const { signal } = this.#closing;
    try {
      const policy = core.retryPolicy(Number.POSITIVE_INFINITY, signal);
      const { producerId: id, producerEpoch: epoch } = await retry(policy, async () => {
        const body = { transactionalId: null, transactionTimeoutMs: 2_147_483_647 };
        const answer = await core.pool.send("any", apis.initProducerId, body, { signal });
        if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, "Could not get a producer id");
        return answer;
      });
      this.#dispatch({ type: "identified", id, epoch });
    } catch (error) {
      if (!signal.aborted) this.#dispatch({ type: "notIdentified", error: asKafkaError(error) });
    }
  }
}

interface TopicNames {
  topic(name: string): { readonly topicId: string | null } | undefined;
}

/** The body of a Produce request; topics by id where all ids are known. */
function produceBody(request: SentRequest, metadata: TopicNames, acks: number, timeoutMs: number) {
  const topics = new Map<string, { index: number; records: Buffer }[]>();
  for (const { batch } of request.sent) {
    const { topic, partition: index } = batch.queue;
    const entry = { index, records: batch.encode() };
    const partitions = topics.get(topic);
    if (partitions === undefined) topics.set(topic, [entry]);
    else partitions.push(entry);
  }
  let hasIds = true;
  const names = new Map<string, string>();
  const topicData = [...topics].map(([name, partitionData]) => {
    const topicId = metadata.topic(name)?.topicId ?? zeroUuid;
    if (topicId === zeroUuid) hasIds = false;
    else names.set(topicId, name);
    return { name, topicId, partitionData };
  });
  return { value: { transactionalId: null, acks, timeoutMs, topicData }, hasIds, names };
}

/** What is known of batches that nobody answers for. */
function unanswered(request: SentRequest): BatchAnswer[] {
  return request.sent.map(() => ({
    errorCode: 0,
    errorMessage: null,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    recordErrors: [],
  }));
}

function asKafkaError(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new KafkaError(`Could not send: ${message}`, { code: "SEND_FAILED", cause: error });
}
