import { array, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Asks which broker coordinates a group (key type 0), a transactional id (1) or a share group partition (2). */
export const findCoordinatorRequest = message(
  "FindCoordinatorRequest",
  { key: 10, versions: [0, 6], flexible: 3 },
  {
    key: string({ until: 3 }),
    keyType: int8({ since: 1, default: 0 }),
    coordinatorKeys: array(string(), { since: 4 }),
  },
);
export type FindCoordinatorRequest = Value<typeof findCoordinatorRequest>;

/** The coordinators of the keys; before version 4 (KIP-699) of a single one. */
export const findCoordinatorResponse = message(
  "FindCoordinatorResponse",
  { key: 10, versions: [0, 6], flexible: 3 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16({ until: 3 }),
    errorMessage: string({ since: 1, until: 3, nullable: true, ignorable: true }),
    nodeId: int32({ until: 3 }),
    host: string({ until: 3 }),
    port: int32({ until: 3 }),
    coordinators: array(
      {
        key: string(),
        nodeId: int32(),
        host: string(),
        port: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, ignorable: true }),
      },
      { since: 4 },
    ),
  },
);
export type FindCoordinatorResponse = Value<typeof findCoordinatorResponse>;
