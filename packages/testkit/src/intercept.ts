import type { InterceptedRequest, Interceptor } from "@ottla/broker";
import type { AnswerOf, ApiName, RequestOf } from "./api-names.ts";
import type { ErrorName } from "./error-answers.ts";
import { InterceptedCall } from "./intercepted-call.ts";

/** A broker or a cluster, as far as an interception needs it. */
export interface Interceptable {
  intercept(interceptor: Interceptor): () => void;
}

/** Which requests are meant: all that fit everything that is given. */
export interface InterceptOptions<Name extends ApiName = ApiName> {
  /** Kafka's name of the API (`JOIN_GROUP`), or several; all by default. */
  readonly api?: Name | readonly Name[];
  /** The client's `clientId`, or what it has to match. */
  readonly clientId?: string | RegExp;
  /** The id of the broker that was asked, in a cluster. */
  readonly broker?: number;
  /** The number of the connection that it came in on, as another call's `connection` says it: unique in its broker. */
  readonly connection?: number;
  /** Anything else. */
  readonly where?: (request: RequestOf<Name>, call: InterceptedCall<Name>) => boolean;
  /** So many that fit are let through first; none by default. */
  readonly skip?: number;
  /** How many are struck before the rest is let through; by default all, until `stop`. */
  readonly times?: number;
}

/** What is done with a request: the answer, null for none; a throw of `call.disconnection()` closes the connection. */
export type Reaction<Name extends ApiName = ApiName> = (
  call: InterceptedCall<Name>,
) => AnswerOf<Name> | null | Promise<AnswerOf<Name> | null>;

/**
 * Intercepts requests of the clients of a broker, or of a whole cluster, from now on. Without a reaction it only looks on.
 *
 * ```ts
 * // The next batch is written, but the producer never hears of it.
 * const lost = intercept(broker, { api: "PRODUCE", times: 1 }).dropAnswer();
 * await producer.send({ topic: "orders", value });
 * expect(lost.count).toBe(1);
 *
 * // A member's JoinGroup is held until the test says so.
 * const joins = intercept(broker, { api: "JOIN_GROUP", clientId: "consumer-2" }).hold();
 * const join = await joins.next();
 * join.release();
 * ```
 * Requests of one connection are answered in order, so what holds one back holds back those behind it, as Kafka does. Of several interceptions the one made last comes first,
 * and what it lets the broker handle goes through the others.
 */
export function intercept<Name extends ApiName>(
  broker: Interceptable,
  options: InterceptOptions<Name> = {},
): Interception<Name> {
  return new Interception(broker, options);
}

/** See `intercept`. The methods that choose a reaction return the interception; the last one chosen counts. */
export class Interception<Name extends ApiName = ApiName> {
  readonly #options: InterceptOptions<Name>;
  readonly #remove: () => void;
  readonly #waiting: ((call: InterceptedCall<Name>) => void)[] = [];
  readonly #unseen: InterceptedCall<Name>[] = [];
  readonly #held = new Set<InterceptedCall<Name>>();
  readonly #finished = Promise.withResolvers<void>();
  #reaction: Reaction<Name> = (call) => call.handle();
  #toSkip: number;
  #count = 0;

  constructor(broker: Interceptable, options: InterceptOptions<Name>) {
    this.#options = options;
    this.#toSkip = options.skip ?? 0;
    this.#remove = broker.intercept({ answer: (intercepted) => this.#meet(intercepted) });
  }

  /** How many requests it has struck. */
  get count(): number {
    return this.#count;
  }

  /** Resolves once it has struck `times` times. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** The first struck call that no earlier `next` has handed out; waits for it where there is none yet. */
  next(): Promise<InterceptedCall<Name>> {
    const call = this.#unseen.shift();
    return call !== undefined ? Promise.resolve(call) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Lets everything through from now on, and releases what it holds. */
  stop(): void {
    this.#remove();
    for (const call of this.#held) call.release();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** Does what the function says; it gets everything that the methods below are made of. */
  use(reaction: Reaction<Name>): this {
    this.#reaction = reaction;
    return this;
  }

  /** Keeps the request from the broker until the call is told what becomes of it (`release`, `answer`, `fail`, `drop`, `disconnect`). */
  hold(): this {
    return this.use((call) => this.#hold(call, () => call.handle()));
  }

  /** Lets the broker handle the request and keeps its answer back until the call is told what becomes of it. */
  holdAnswer(): this {
    return this.use(async (call) => {
      const answer = await call.handle();
      return this.#hold(call, async () => answer);
    });
  }

  /** Keeps the request from the broker for so many milliseconds of its clock. */
  delay(delayMs: number): this {
    return this.use(async (call) => {
      await call.wait(delayMs);
      return call.handle();
    });
  }

  /** Keeps the broker's answer back for so many milliseconds of its clock. */
  delayAnswer(delayMs: number): this {
    return this.use(async (call) => {
      const answer = await call.handle();
      await call.wait(delayMs);
      return answer;
    });
  }

  /** The broker never sees the request, and the client gets no answer to it. What it sends on the same connection afterwards is answered. */
  drop(): this {
    return this.use(() => null);
  }

  /** The broker handles the request, and the client never hears of it. */
  dropAnswer(): this {
    return this.use(async (call) => {
      await call.handle();
      return null;
    });
  }

  /** Closes the connection; the broker never sees the request. */
  disconnect(): this {
    return this.use((call) => Promise.reject(call.disconnection()));
  }

  /** Closes the connection once the broker has handled the request: the client can't know whether it has. */
  disconnectAfter(): this {
    return this.use(async (call) => {
      await call.handle();
      throw call.disconnection();
    });
  }

  /** The broker never sees the request; the answer says that it failed with this error, for everything that the request named. */
  fail(error: ErrorName): this {
    return this.use((call) => call.failure(error));
  }

  /** The broker handles the request; the answer says nevertheless that it failed with this error. */
  failAnswer(error: ErrorName): this {
    return this.use(async (call) => {
      await call.handle();
      return call.failure(error);
    });
  }

  /** The broker never sees the request; the client is answered with this. */
  answer(answer: (call: InterceptedCall<Name>) => AnswerOf<Name>): this {
    return this.use(answer);
  }

  /** The broker handles what the function makes of the request. */
  rewrite(rewrite: (request: RequestOf<Name>, call: InterceptedCall<Name>) => RequestOf<Name>): this {
    return this.use((call) => call.handle(rewrite(call.request, call)));
  }

  /** The client is answered with what the function makes of the broker's answer. */
  rewriteAnswer(rewrite: (answer: AnswerOf<Name>, call: InterceptedCall<Name>) => AnswerOf<Name>): this {
    return this.use(async (call) => {
      const answer = await call.handle();
      return answer === null ? null : rewrite(answer, call);
    });
  }

  #meet(intercepted: InterceptedRequest): Promise<object | null> {
    const { api } = this.#options;
    const names: readonly string[] | null = api === undefined ? null : Array.isArray(api) ? api : [api as Name];
    if (names !== null && !names.includes(intercepted.api.name)) return intercepted.handle();
    const call = new InterceptedCall<Name>(intercepted);
    if (!this.#isMeant(call)) return intercepted.handle();
    if (this.#toSkip > 0) {
      this.#toSkip--;
      return intercepted.handle();
    }
    const { times = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#count >= times) return intercepted.handle();
    this.#count++;
    const reaction = this.#reaction;
    const outcome = call.finish(async () => reaction(call));
    this.#hand(call);
    if (this.#count === times) this.#finished.resolve();
    return outcome;
  }

  #isMeant(call: InterceptedCall<Name>): boolean {
    const { clientId, broker, connection, where } = this.#options;
    if (broker !== undefined && broker !== call.broker) return false;
    if (typeof clientId === "string" && clientId !== call.clientId) return false;
    if (clientId instanceof RegExp && !clientId.test(call.clientId)) return false;
    if (connection !== undefined && connection !== call.connection) return false;
    return where === undefined || where(call.request, call);
  }

  #hand(call: InterceptedCall<Name>): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting(call);
    else this.#unseen.push(call);
    // Who never asks for them does not want them.
    if (this.#unseen.length > maxUnseen) this.#unseen.shift();
  }

  async #hold(call: InterceptedCall<Name>, goOn: () => Promise<AnswerOf<Name> | null>): Promise<AnswerOf<Name> | null> {
    this.#held.add(call);
    try {
      return await call.untilReleased(goOn);
    } finally {
      this.#held.delete(call);
    }
  }
}

/** How many calls are kept for `next`; older ones are forgotten. */
const maxUnseen = 1000;
