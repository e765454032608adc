import { array, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Deletes the access rules that match filters. */
export const deleteAclsRequest = message(
  "DeleteAclsRequest",
  { key: 31, versions: [1, 3], flexible: 2 },
  {
    filters: array({
      resourceTypeFilter: int8(),
      resourceNameFilter: string({ nullable: true }),
      patternTypeFilter: int8({ default: 3 }),
      principalFilter: string({ nullable: true }),
      hostFilter: string({ nullable: true }),
      operation: int8(),
      permissionType: int8(),
    }),
  },
);
export type DeleteAclsRequest = Value<typeof deleteAclsRequest>;

/** The rules deleted, per filter. */
export const deleteAclsResponse = message(
  "DeleteAclsResponse",
  { key: 31, versions: [1, 3], flexible: 2 },
  {
    throttleTimeMs: int32({ default: 0 }),
    filterResults: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      matchingAcls: array({
        errorCode: int16(),
        errorMessage: string({ nullable: true }),
        resourceType: int8(),
        resourceName: string(),
        patternType: int8({ default: 3 }),
        principal: string(),
        host: string(),
        operation: int8(),
        permissionType: int8(),
      }),
    }),
  },
);
export type DeleteAclsResponse = Value<typeof deleteAclsResponse>;
