import { array, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Creates access rules. */
export const createAclsRequest = message(
  "CreateAclsRequest",
  { key: 30, versions: [1, 3], flexible: 2 },
  {
    creations: array({
      resourceType: int8(),
      resourceName: string(),
      resourcePatternType: int8({ default: 3 }),
      principal: string(),
      host: string(),
      operation: int8(),
      permissionType: int8(),
    }),
  },
);
export type CreateAclsRequest = Value<typeof createAclsRequest>;

/** The outcome per rule. */
export const createAclsResponse = message(
  "CreateAclsResponse",
  { key: 30, versions: [1, 3], flexible: 2 },
  {
    throttleTimeMs: int32({ default: 0 }),
    results: array({ errorCode: int16(), errorMessage: string({ nullable: true }) }),
  },
);
export type CreateAclsResponse = Value<typeof createAclsResponse>;
