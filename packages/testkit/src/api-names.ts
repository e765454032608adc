import { type Api, apis, type RequestValue, type ResponseInput } from "@ottla/protocol";

/** `joinGroup` as `JOIN_GROUP`. */
type KafkaName<Text extends string, Name extends string = ""> = Text extends `${infer First}${infer Rest}`
  ? KafkaName<Rest, First extends Lowercase<First> ? `${Name}${Uppercase<First>}` : `${Name}_${First}`>
  : Name;

type ApisByName = { readonly [Key in keyof typeof apis & string as KafkaName<Key>]: (typeof apis)[Key] };

/** Kafka's name of an API: `JOIN_GROUP`, `PRODUCE`, ... */
export type ApiName = keyof ApisByName;

/** The request of an API, decoded. */
export type RequestOf<Name extends ApiName> = RequestValue<ApisByName[Name]>;

/** The answer of an API, as it is encoded: fields that have a default may be missing. */
export type AnswerOf<Name extends ApiName> = ResponseInput<ApisByName[Name]>;

const byName = new Map<string, Api>(Object.values(apis).map((api) => [api.name, api as Api]));

/** The API of that name. */
export function apiNamed(name: ApiName): Api {
  const api = byName.get(name);
  if (api === undefined) throw new TypeError(`there is no API ${name}`);
  return api;
}
