import { int16, int32, message, string, type Value } from "../schema.ts";

/** Removes a broker that is gone for good. */
export const unregisterBrokerRequest = message(
  "UnregisterBrokerRequest",
  { key: 64, versions: [0, 0], flexible: 0 },
  {
    brokerId: int32(),
  },
);
export type UnregisterBrokerRequest = Value<typeof unregisterBrokerRequest>;

/** Whether the broker was removed. */
export const unregisterBrokerResponse = message(
  "UnregisterBrokerResponse",
  { key: 64, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
  },
);
export type UnregisterBrokerResponse = Value<typeof unregisterBrokerResponse>;
