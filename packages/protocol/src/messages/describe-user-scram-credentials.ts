import { array, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Asks which SCRAM credentials users have (KIP-554). */
export const describeUserScramCredentialsRequest = message(
  "DescribeUserScramCredentialsRequest",
  { key: 50, versions: [0, 0], flexible: 0 },
  {
    users: array({ name: string() }, { nullable: true }),
  },
);
export type DescribeUserScramCredentialsRequest = Value<typeof describeUserScramCredentialsRequest>;

/** Mechanisms and iterations per user, never the secrets. */
export const describeUserScramCredentialsResponse = message(
  "DescribeUserScramCredentialsResponse",
  { key: 50, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    results: array({
      user: string(),
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      credentialInfos: array({ mechanism: int8(), iterations: int32() }),
    }),
  },
);
export type DescribeUserScramCredentialsResponse = Value<typeof describeUserScramCredentialsResponse>;
