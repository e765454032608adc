import { CloseConnectionError, type InterceptedRequest } from "@ottla/broker";
import { sleep } from "@ottla/runtime";
import type { AnswerOf, ApiName, RequestOf } from "./api-names.ts";
import { type ErrorName, errorAnswer } from "./error-answers.ts";

/** A request that an interception struck. */
export class InterceptedCall<Name extends ApiName = ApiName> {
  /** The API's name, in case the interception is about several. */
  readonly api: Name;
  readonly version: number;
  readonly clientId: string;
  /** The id of the broker that was asked. */
  readonly broker: number;
  /** The connection's number, unique in the broker. */
  readonly connection: number;
  /** As the client sent it. */
  readonly request: RequestOf<Name>;
  readonly #intercepted: InterceptedRequest;
  readonly #held = Promise.withResolvers<() => Promise<AnswerOf<Name> | null>>();
  readonly #finished = Promise.withResolvers<AnswerOf<Name> | null>();

  constructor(intercepted: InterceptedRequest) {
    const { api, context, request } = intercepted;
    this.#intercepted = intercepted;
    this.api = api.name as Name;
    this.version = context.apiVersion;
    this.clientId = context.clientId;
    this.broker = context.node.id;
    this.connection = context.connection.id;
    this.request = request as RequestOf<Name>;
    // Nobody has to look at how it ended.
    this.#finished.promise.catch(() => {});
  }

  /** What the client is answered, once that is settled: null for nothing. Rejects where the connection is closed in place of an answer. */
  get answered(): Promise<AnswerOf<Name> | null> {
    return this.#finished.promise;
  }

  /** Whether the client is still connected. */
  get isConnected(): boolean {
    return !this.#intercepted.context.connection.closed;
  }

  /** Lets the broker handle the request (or another in its place) and returns its answer; null where it gives none (acks=0). For `Interception.use`. */
  async handle(request?: RequestOf<Name>): Promise<AnswerOf<Name> | null> {
    return (await this.#intercepted.handle(request)) as AnswerOf<Name> | null;
  }

  /** The answer that says of everything the request named that it failed. Throws what closes the connection where there is no answer to fail (acks=0), as Kafka has it. For `Interception.use`. */
  failure(error: ErrorName): AnswerOf<Name> {
    if (this.api === "PRODUCE" && (this.request as RequestOf<"PRODUCE">).acks === 0) throw this.disconnection();
    return errorAnswer(this.#intercepted.api, this.version, this.request, error) as AnswerOf<Name>;
  }

  /** What to throw so that the connection is closed. For `Interception.use`. */
  disconnection(): Error {
    return new CloseConnectionError(`${this.api} was intercepted`);
  }

  /** Waits on the broker's clock. For `Interception.use`. */
  wait(delayMs: number): Promise<void> {
    return sleep(this.#intercepted.context.node.runtime.clock, delayMs);
  }

  /** A held call goes on its way. */
  release(): void {
    this.#held.resolve(() => this.#goOn());
  }

  /** A held call is answered with that; a held request is not handled. */
  answer(answer: AnswerOf<Name> | null): void {
    this.#held.resolve(async () => answer);
  }

  /** A held call is answered with that error for everything that the request named; a held request is not handled. */
  fail(error: ErrorName): void {
    this.#held.resolve(async () => this.failure(error));
  }

  /** A held call is never answered; a held request is not handled. */
  drop(): void {
    this.answer(null);
  }

  /** The connection is closed in place of an answer to a held call; a held request is not handled. */
  disconnect(): void {
    this.#held.resolve(async () => {
      throw this.disconnection();
    });
  }

  #goOn: () => Promise<AnswerOf<Name> | null> = () => this.handle();

  /** Waits until the test has said what is to become of it. */
  async untilReleased(goOn: () => Promise<AnswerOf<Name> | null>): Promise<AnswerOf<Name> | null> {
    this.#goOn = goOn;
    const what = await this.#held.promise;
    return what();
  }

  /** Remembers how it ended. */
  async finish(outcome: () => Promise<AnswerOf<Name> | null>): Promise<AnswerOf<Name> | null> {
    try {
      const answer = await outcome();
      this.#finished.resolve(answer);
      return answer;
    } catch (error) {
      this.#finished.reject(error);
      throw error;
    }
  }
}
