import { type Api, errorCodes, type Field, type Fields } from "@ottla/protocol";
import type { AnswerOf, ApiName, RequestOf } from "./api-names.ts";

/** The name of an error code: `NOT_COORDINATOR`, ... */
export type ErrorName = keyof typeof errorCodes;

type Builders = {
  readonly [Name in ApiName]?: (request: RequestOf<Name>, errorCode: number, version: number) => AnswerOf<Name>;
};

/** Answers whose errors stand further down: one for everything that the request named. */
const builders: Builders = {
  PRODUCE: ({ topicData }, errorCode) => ({
    responses: topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1 })),
    })),
  }),
  FETCH: ({ topics, sessionId }, errorCode) => ({
    errorCode,
    sessionId,
    responses: topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition }) => ({
        partitionIndex: partition,
        errorCode,
        highWatermark: -1,
        abortedTransactions: null,
        records: null,
      })),
    })),
  }),
  LIST_OFFSETS: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
  METADATA: ({ topics }, errorCode, version) => ({
    brokers: [],
    errorCode,
    topics: (topics ?? []).map(({ name, topicId }) => ({
      errorCode,
      name: version < 12 ? (name ?? "") : name,
      topicId,
      partitions: [],
    })),
  }),
  OFFSET_COMMIT: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
  OFFSET_FETCH: ({ groups, topics }, errorCode, version) => {
    if (version >= 8) return { groups: groups.map(({ groupId }) => ({ groupId, topics: [], errorCode })) };
    const perPartition = (topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        committedOffset: -1,
        metadata: "",
        errorCode,
      })),
    }));
    return { errorCode, topics: perPartition };
  },
  FIND_COORDINATOR: ({ coordinatorKeys }, errorCode, version) => {
    const nowhere = { nodeId: -1, host: "", port: -1, errorCode, errorMessage: null };
    return version < 4 ? nowhere : { coordinators: coordinatorKeys.map((key) => ({ key, ...nowhere })) };
  },
  DESCRIBE_GROUPS: ({ groups }, errorCode) => ({
    groups: groups.map((groupId) => {
      return { errorCode, groupId, groupState: "", protocolType: "", protocolData: "", members: [] };
    }),
  }),
  DELETE_GROUPS: ({ groupsNames }, errorCode) => ({
    results: groupsNames.map((groupId) => ({ groupId, errorCode })),
  }),
  CREATE_TOPICS: ({ topics }, errorCode) => ({
    topics: topics.map(({ name }) => ({ name, errorCode, errorMessage: null, configs: null })),
  }),
  DELETE_TOPICS: ({ topics, topicNames }, errorCode, version) => ({
    responses:
      version < 6 ? topicNames.map((name) => ({ name, errorCode })) : topics.map((topic) => ({ ...topic, errorCode })),
  }),
  CREATE_PARTITIONS: ({ topics }, errorCode) => ({ results: topics.map(({ name }) => ({ name, errorCode })) }),
  DELETE_RECORDS: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode })),
    })),
  }),
  OFFSET_FOR_LEADER_EPOCH: ({ topics }, errorCode) => ({
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode })),
    })),
  }),
  DESCRIBE_CONFIGS: ({ resources }, errorCode) => ({
    results: resources.map(({ resourceType, resourceName }) => {
      return { errorCode, errorMessage: null, resourceType, resourceName, configs: [] };
    }),
  }),
  ALTER_CONFIGS: ({ resources }, errorCode) => ({ responses: resources.map(resourceResult(errorCode)) }),
  INCREMENTAL_ALTER_CONFIGS: ({ resources }, errorCode) => ({ responses: resources.map(resourceResult(errorCode)) }),
  DESCRIBE_TOPIC_PARTITIONS: ({ topics }, errorCode) => ({
    topics: topics.map(({ name }) => ({ errorCode, name, partitions: [] })),
  }),
  DESCRIBE_PRODUCERS: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode, activeProducers: [] })),
    })),
  }),
};

function resourceResult(errorCode: number) {
  return ({ resourceType, resourceName }: { readonly resourceType: number; readonly resourceName: string }) => {
    return { errorCode, errorMessage: null, resourceType, resourceName };
  };
}

/**
 * The answer that says of a whole request that it failed, as Kafka's `AbstractRequest.getErrorResponse` makes it: the error stands at the top where the answer has a place
 * for it there, and with everything that the request named where it has one there. Throws a `TypeError` for an API that has neither.
 */
export function errorAnswer(api: Api, version: number, request: object, error: ErrorName): object {
  const errorCode = errorCodes[error];
  const build = (builders as Readonly<Record<string, (request: object, errorCode: number, version: number) => object>>)[
    api.name
  ];
  if (build !== undefined) return build(request, errorCode, version);
  const top = api.response.fields.errorCode;
  if (top === undefined || version < top.since || version > top.until) {
    throw new TypeError(
      `an answer to ${api.name} version ${version} has no place for ${error}; give the answer yourself`,
    );
  }
  return { ...blank(api.response.fields), errorCode };
}

/** A table of fields with nothing in them. */
function blank(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, blankField(field)]));
}

function blankField(field: Field): unknown {
  if (field.default !== undefined) return field.default;
  return field.kind === "array" ? [] : blank(field.fields ?? {});
}
