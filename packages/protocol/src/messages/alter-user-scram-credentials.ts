import { array, bytes, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Sets or deletes SCRAM credentials. */
export const alterUserScramCredentialsRequest = message(
  "AlterUserScramCredentialsRequest",
  { key: 51, versions: [0, 0], flexible: 0 },
  {
    deletions: array({ name: string(), mechanism: int8() }),
    upsertions: array({
      name: string(),
      mechanism: int8(),
      iterations: int32(),
      salt: bytes(),
      saltedPassword: bytes(),
    }),
  },
);
export type AlterUserScramCredentialsRequest = Value<typeof alterUserScramCredentialsRequest>;

/** The outcome per user. */
export const alterUserScramCredentialsResponse = message(
  "AlterUserScramCredentialsResponse",
  { key: 51, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    results: array({ user: string(), errorCode: int16(), errorMessage: string({ nullable: true }) }),
  },
);
export type AlterUserScramCredentialsResponse = Value<typeof alterUserScramCredentialsResponse>;
