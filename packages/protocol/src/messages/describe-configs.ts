import { array, bool, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Asks for the settings of topics, brokers and groups. */
export const describeConfigsRequest = message(
  "DescribeConfigsRequest",
  { key: 32, versions: [1, 4], flexible: 4 },
  {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configurationKeys: array(string(), { nullable: true }),
    }),
    includeSynonyms: bool({ default: false }),
    includeDocumentation: bool({ since: 3, default: false }),
  },
);
export type DescribeConfigsRequest = Value<typeof describeConfigsRequest>;

/** Settings with their sources and synonyms. */
export const describeConfigsResponse = message(
  "DescribeConfigsResponse",
  { key: 32, versions: [1, 4], flexible: 4 },
  {
    throttleTimeMs: int32({ default: 0 }),
    results: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string({ nullable: true }),
        readOnly: bool(),
        configSource: int8({ default: -1, ignorable: true }),
        isSensitive: bool(),
        synonyms: array({ name: string(), value: string({ nullable: true }), source: int8() }, { ignorable: true }),
        configType: int8({ since: 3, default: 0, ignorable: true }),
        documentation: string({ since: 3, nullable: true, ignorable: true }),
      }),
    }),
  },
);
export type DescribeConfigsResponse = Value<typeof describeConfigsResponse>;
