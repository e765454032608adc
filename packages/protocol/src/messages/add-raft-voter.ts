import { array, bool, int16, int32, message, string, uint16, uuid, type Value } from "../schema.ts";

/** Adds a voter to the controllers' quorum (KIP-853). */
export const addRaftVoterRequest = message(
  "AddRaftVoterRequest",
  { key: 80, versions: [0, 1], flexible: 0 },
  {
    clusterId: string({ nullable: true }),
    timeoutMs: int32(),
    voterId: int32(),
    voterDirectoryId: uuid(),
    listeners: array({ name: string(), host: string(), port: uint16() }),
    ackWhenCommitted: bool({ since: 1, default: true }),
  },
);
export type AddRaftVoterRequest = Value<typeof addRaftVoterRequest>;

/** The outcome. */
export const addRaftVoterResponse = message(
  "AddRaftVoterResponse",
  { key: 80, versions: [0, 1], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, ignorable: true }),
  },
);
export type AddRaftVoterResponse = Value<typeof addRaftVoterResponse>;
