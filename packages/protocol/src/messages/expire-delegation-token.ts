import { bytes, int16, int32, int64, message, type Value } from "../schema.ts";

/** Ends or shortens the life of a delegation token. */
export const expireDelegationTokenRequest = message(
  "ExpireDelegationTokenRequest",
  { key: 40, versions: [1, 2], flexible: 2 },
  {
    hmac: bytes(),
    expiryTimePeriodMs: int64(),
  },
);
export type ExpireDelegationTokenRequest = Value<typeof expireDelegationTokenRequest>;

/** When the token now expires. */
export const expireDelegationTokenResponse = message(
  "ExpireDelegationTokenResponse",
  { key: 40, versions: [1, 2], flexible: 2 },
  {
    errorCode: int16(),
    expiryTimestampMs: int64(),
    throttleTimeMs: int32({ default: 0 }),
  },
);
export type ExpireDelegationTokenResponse = Value<typeof expireDelegationTokenResponse>;
