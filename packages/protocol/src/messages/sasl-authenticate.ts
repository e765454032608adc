import { bytes, int16, int64, message, string, type Value } from "../schema.ts";

/** Carries one message of a SASL exchange to the broker. */
export const saslAuthenticateRequest = message(
  "SaslAuthenticateRequest",
  { key: 36, versions: [0, 2], flexible: 2 },
  {
    authBytes: bytes(),
  },
);
export type SaslAuthenticateRequest = Value<typeof saslAuthenticateRequest>;

/** Carries the broker's message of a SASL exchange. */
export const saslAuthenticateResponse = message(
  "SaslAuthenticateResponse",
  { key: 36, versions: [0, 2], flexible: 2 },
  {
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    authBytes: bytes(),
    sessionLifetimeMs: int64({ since: 1, default: 0, ignorable: true }),
  },
);
export type SaslAuthenticateResponse = Value<typeof saslAuthenticateResponse>;
