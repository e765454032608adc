import { array, bool, int8, int16, int32, message, string, uuid, type Value } from "../schema.ts";

/** Creates topics, or only checks whether they could be created. */
export const createTopicsRequest = message(
  "CreateTopicsRequest",
  { key: 19, versions: [2, 7], flexible: 5 },
  {
    topics: array({
      name: string(),
      numPartitions: int32(),
      replicationFactor: int16(),
      assignments: array({ partitionIndex: int32(), brokerIds: array(int32()) }),
      configs: array({ name: string(), value: string({ nullable: true }) }),
    }),
    timeoutMs: int32({ default: 60000 }),
    validateOnly: bool({ default: false }),
  },
);
export type CreateTopicsRequest = Value<typeof createTopicsRequest>;

/** The outcome per topic, with its id and configuration. */
export const createTopicsResponse = message(
  "CreateTopicsResponse",
  { key: 19, versions: [2, 7], flexible: 5 },
  {
    throttleTimeMs: int32({ ignorable: true }),
    topics: array({
      name: string(),
      topicId: uuid({ since: 7, ignorable: true }),
      errorCode: int16(),
      errorMessage: string({ nullable: true, ignorable: true }),
      topicConfigErrorCode: int16({ since: 5, tag: 0, ignorable: true }),
      numPartitions: int32({ since: 5, default: -1, ignorable: true }),
      replicationFactor: int16({ since: 5, default: -1, ignorable: true }),
      configs: array(
        {
          name: string(),
          value: string({ nullable: true }),
          readOnly: bool(),
          configSource: int8({ default: -1, ignorable: true }),
          isSensitive: bool(),
        },
        { since: 5, nullable: true, ignorable: true },
      ),
    }),
  },
);
export type CreateTopicsResponse = Value<typeof createTopicsResponse>;
