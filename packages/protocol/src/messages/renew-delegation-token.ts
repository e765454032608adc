import { bytes, int16, int32, int64, message, type Value } from "../schema.ts";

/** Extends the life of a delegation token. */
export const renewDelegationTokenRequest = message(
  "RenewDelegationTokenRequest",
  { key: 39, versions: [1, 2], flexible: 2 },
  {
    hmac: bytes(),
    renewPeriodMs: int64(),
  },
);
export type RenewDelegationTokenRequest = Value<typeof renewDelegationTokenRequest>;

/** When the token now expires. */
export const renewDelegationTokenResponse = message(
  "RenewDelegationTokenResponse",
  { key: 39, versions: [1, 2], flexible: 2 },
  {
    errorCode: int16(),
    expiryTimestampMs: int64(),
    throttleTimeMs: int32({ default: 0 }),
  },
);
export type RenewDelegationTokenResponse = Value<typeof renewDelegationTokenResponse>;
