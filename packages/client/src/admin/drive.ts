import type { Target } from "../broker-pool.ts";
import { isRetriableError, KafkaError } from "../errors.ts";
import { AdminError, type ItemResult } from "./admin-errors.ts";
import type { Call } from "./call.ts";

/** Where items are answered: at the controller, the leader of a partition, the coordinator of a group. */
export interface Route<Item> {
  /** The API of the look-up, for the word about a time-out; null where Kafka's word does not name it. */
  readonly lookup: string | null;
  /** Where each item belongs, as far as that is known or can be found out in one look-up; an error where it cannot be told. */
  locate(items: readonly Item[]): Promise<ReadonlyMap<Item, Target | KafkaError>>;
  /** Says that what is known of these items' places was wrong: the next look-up asks anew. */
  forget(items: readonly Item[]): void;
}

/** One answer per item: its value, or what went wrong with it. */
export type Answers<Item, Value> = ReadonlyMap<Item, Value | KafkaError>;

export interface Drive<Item, Value> {
  readonly route: Route<Item>;
  /** Asks one node about some items. What it throws has happened to all of them. */
  ask(target: Target, items: readonly Item[]): Promise<Answers<Item, Value>>;
  /** The name of the API that is asked, for the word about a time-out; null where Kafka's word does not name it. */
  readonly api: string | null;
  /** Whether an item's own error is worth another try. Default: what Kafka calls retriable. */
  readonly isRetriable?: (error: KafkaError) => boolean;
}

/** What is known of the items so far. */
interface Progress<Item, Value> {
  readonly results: Map<Item, ItemResult<Item, Value>>;
  /** What is tried again, with the reason. */
  readonly pending: Map<Item, KafkaError | null>;
  /** Errors that belong to no single item. */
  readonly common: Set<KafkaError>;
}

/**
 * Asks the right nodes about all items, again for those whose node has changed or that may succeed later, until all are answered or the call's time is over (Kafka's AdminApiDriver).
 * Resolves with the values in the order of the items; rejects with an `AdminError`, or, where one failure had nothing to do with single items and
 * hit them all, with that.
 */
export async function drive<Item, Value>(
  call: Call,
  items: readonly Item[],
  how: Drive<Item, Value>,
): Promise<Value[]> {
  const progress: Progress<Item, Value> = {
    results: new Map(),
    pending: new Map(items.map((item) => [item, null])),
    common: new Set(),
  };
  while (progress.pending.size > 0) {
    call.signal?.throwIfAborted();
    await round(call, how, progress);
    const [again] = progress.pending.values();
    if (again === undefined) break;
    try {
      await call.pause(again ?? new KafkaError("No answer", { code: "INVALID_RESPONSE" }));
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      progress.common.add(error);
      for (const item of progress.pending.keys()) progress.results.set(item, failed(item, error));
      progress.pending.clear();
    }
  }
  return unwrap(items, progress);
}

async function round<Item, Value>(call: Call, how: Drive<Item, Value>, progress: Progress<Item, Value>): Promise<void> {
  const items = [...progress.pending.keys()];
  const byTarget = new Map<Target, Item[]>();
  call.at(how.route.lookup);
  try {
    const places = await how.route.locate(items);
    for (const item of items) {
      const place = places.get(item) ?? "any";
      if (place instanceof KafkaError) take(how, progress, item, place);
      else byTarget.set(place, [...(byTarget.get(place) ?? []), item]);
    }
  } catch (error) {
    takeCommon(how, progress, items, error);
    return;
  }
  if (byTarget.size === 0) return;
  call.at(how.api);
  await Promise.all([...byTarget].map(([target, some]) => askOne(how, progress, target, some)));
}

async function askOne<Item, Value>(
  how: Drive<Item, Value>,
  progress: Progress<Item, Value>,
  target: Target,
  items: readonly Item[],
): Promise<void> {
  try {
    const answers = await how.ask(target, items);
    for (const item of items) {
      const answer = answers.get(item);
      if (answer instanceof KafkaError) take(how, progress, item, answer);
      else if (answers.has(item)) finish(progress, item, { item, value: answer as Value, error: null });
      else take(how, progress, item, leftOut());
    }
  } catch (error) {
    takeCommon(how, progress, items, error);
  }
}

function take<Item, Value>(
  how: Drive<Item, Value>,
  progress: Progress<Item, Value>,
  item: Item,
  error: KafkaError,
): void {
  const isRetriable = how.isRetriable ?? isRetriableError;
  if (!isRetriable(error)) {
    finish(progress, item, failed(item, error));
    return;
  }
  how.route.forget([item]);
  progress.pending.set(item, error);
}

/** What happened to all items of a node: a broken connection is tried again, whatever is said of single items. */
function takeCommon<Item, Value>(
  how: Drive<Item, Value>,
  progress: Progress<Item, Value>,
  items: readonly Item[],
  error: unknown,
): void {
  if (!(error instanceof KafkaError)) throw error;
  if (error.retriable) how.route.forget(items);
  else progress.common.add(error);
  for (const item of items) {
    if (error.retriable) progress.pending.set(item, error);
    else finish(progress, item, failed(item, error));
  }
}

function finish<Item, Value>(progress: Progress<Item, Value>, item: Item, result: ItemResult<Item, Value>): void {
  progress.pending.delete(item);
  progress.results.set(item, result);
}

function unwrap<Item, Value>(items: readonly Item[], { results, common }: Progress<Item, Value>): Value[] {
  const ordered = items.map((item) => results.get(item)!);
  const [first] = ordered;
  const isCommon = first?.error && common.has(first.error) && ordered.every(({ error }) => error === first.error);
  if (isCommon) throw first.error;
  return valuesOf(ordered);
}

/** The values, or an `AdminError` where there is not one for every item. */
export function valuesOf<Item, Value>(results: readonly ItemResult<Item, Value>[]): Value[] {
  if (results.some(({ error }) => error !== null)) throw new AdminError(results);
  return results.map(({ value }) => value as Value);
}

function failed<Item>(item: Item, error: KafkaError): ItemResult<Item, never> {
  return { item, value: null, error };
}

function leftOut(): KafkaError {
  return new KafkaError("The broker's answer left out what it was asked for", { code: "INVALID_RESPONSE" });
}

/** The answer of each item, less those that were left out. */
export function answersBy<Item, Answer>(
  items: readonly Item[],
  answerOf: (item: Item) => Answer | undefined,
): Map<Item, Answer> {
  const answers = new Map<Item, Answer>();
  for (const item of items) {
    const answer = answerOf(item);
    if (answer !== undefined) answers.set(item, answer);
  }
  return answers;
}
