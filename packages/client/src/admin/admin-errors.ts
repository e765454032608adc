import { KafkaError, kafkaError, TimeoutError } from "../errors.ts";
import { kafkaWords } from "./kafka-words.ts";

/** What became of one of the things that a call was asked to do: `error` is null where it was done. */
export type ItemResult<Item, Value> =
  | { readonly item: Item; readonly value: Value; readonly error: null }
  | { readonly item: Item; readonly value: null; readonly error: KafkaError };

/**
 * Some of what a call was asked to do failed, or all of it. `code`, `errorCode`, `retriable` and `serverMessage` are those of the first that failed, which is the
 * `cause`; `results` has them all, in the order in which they were asked for. What did not fail has been done.
 *
 * A failure of the call as a whole (no broker could be reached, the group does not exist) is not one of these: the call then rejects with that error itself.
 */
export class AdminError<Item = unknown, Value = unknown> extends KafkaError {
  override readonly name = "AdminError";
  readonly results: readonly ItemResult<Item, Value>[];

  constructor(results: readonly ItemResult<Item, Value>[]) {
    const errors = results.flatMap(({ error }) => error ?? []);
    const [first] = errors;
    if (first === undefined) throw new TypeError("An AdminError needs a failure");
    const others = errors.length - 1;
    super(others === 0 ? first.message : `${first.message} (and ${others} of ${results.length} failed too)`, {
      code: first.code,
      errorCode: first.errorCode,
      retriable: first.retriable,
      serverMessage: first.serverMessage,
      cause: first,
    });
    this.results = results;
  }

  /** The errors of those that failed. */
  get errors(): readonly KafkaError[] {
    return this.results.flatMap(({ error }) => error ?? []);
  }
}

/** A call of an `Admin` did not come to an end in its time. The `cause` is what went wrong last. */
export class AdminTimeoutError extends TimeoutError {
  /** What the Java client calls the call (`listTopics`, `describeConsumerGroups(api=FIND_COORDINATOR)`), for tools that speak as Kafka's do. */
  readonly call: string;
  /** True where no broker has answered anything that the call needed: the Java client then has "Timed out waiting for a node assignment". */
  readonly waitedForNode: boolean;

  constructor(message: string, details: { call: string; waitedForNode: boolean; cause?: unknown }) {
    super(message, { cause: details.cause });
    this.call = details.call;
    this.waitedForNode = details.waitedForNode;
  }
}

/**
 * The error for a code that a broker answered with; `what` says what was asked, without a full stop. Where the broker gave no words, `serverMessage` has those that Kafka's own
 * clients put there for the code.
 */
export function answeredError(code: number, what: string, message?: string | null): KafkaError {
  return kafkaError(code, what, { serverMessage: message || kafkaWords(code) });
}

/**
 * The outcome of each item of a call, whether it succeeded or not: for callers who go on with what did not fail. Where the call failed as a whole, every item
 * has that error. `value` is what the call answered for the item; undefined where it answers nothing. Rejects with what is no `KafkaError` only (the reason of an aborted signal).
 */
export async function settle<Item, Value>(
  items: readonly Item[],
  call: Promise<readonly Value[]> | Promise<void>,
): Promise<ItemResult<Item, Value>[]> {
  try {
    const values = (await call) ?? [];
    return items.map((item, index) => ({ item, value: values[index] as Value, error: null }));
  } catch (error) {
    if (error instanceof AdminError && error.results.length === items.length) {
      return items.map((item, index) => ({ ...error.results[index]!, item }) as ItemResult<Item, Value>);
    }
    if (!(error instanceof KafkaError)) throw error;
    return items.map((item) => ({ item, value: null, error }));
  }
}
