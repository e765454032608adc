import { array, bytes, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Creates a delegation token (KIP-48). */
export const createDelegationTokenRequest = message(
  "CreateDelegationTokenRequest",
  { key: 38, versions: [1, 3], flexible: 2 },
  {
    ownerPrincipalType: string({ since: 3, nullable: true }),
    ownerPrincipalName: string({ since: 3, nullable: true }),
    renewers: array({ principalType: string(), principalName: string() }),
    maxLifetimeMs: int64(),
  },
);
export type CreateDelegationTokenRequest = Value<typeof createDelegationTokenRequest>;

/** The token with its HMAC. */
export const createDelegationTokenResponse = message(
  "CreateDelegationTokenResponse",
  { key: 38, versions: [1, 3], flexible: 2 },
  {
    errorCode: int16(),
    principalType: string(),
    principalName: string(),
    tokenRequesterPrincipalType: string({ since: 3 }),
    tokenRequesterPrincipalName: string({ since: 3 }),
    issueTimestampMs: int64(),
    expiryTimestampMs: int64(),
    maxTimestampMs: int64(),
    tokenId: string(),
    hmac: bytes(),
    throttleTimeMs: int32({ default: 0 }),
  },
);
export type CreateDelegationTokenResponse = Value<typeof createDelegationTokenResponse>;
