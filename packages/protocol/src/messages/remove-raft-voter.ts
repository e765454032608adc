import { int16, int32, message, string, uuid, type Value } from "../schema.ts";

/** Removes a voter from the controllers' quorum (KIP-853). */
export const removeRaftVoterRequest = message(
  "RemoveRaftVoterRequest",
  { key: 81, versions: [0, 0], flexible: 0 },
  {
    clusterId: string({ nullable: true }),
    voterId: int32(),
    voterDirectoryId: uuid(),
  },
);
export type RemoveRaftVoterRequest = Value<typeof removeRaftVoterRequest>;

/** The outcome. */
export const removeRaftVoterResponse = message(
  "RemoveRaftVoterResponse",
  { key: 81, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, ignorable: true }),
  },
);
export type RemoveRaftVoterResponse = Value<typeof removeRaftVoterResponse>;
