import { array, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Asks for the access rules that match a filter. */
export const describeAclsRequest = message(
  "DescribeAclsRequest",
  { key: 29, versions: [1, 3], flexible: 2 },
  {
    resourceTypeFilter: int8(),
    resourceNameFilter: string({ nullable: true }),
    patternTypeFilter: int8({ default: 3 }),
    principalFilter: string({ nullable: true }),
    hostFilter: string({ nullable: true }),
    operation: int8(),
    permissionType: int8(),
  },
);
export type DescribeAclsRequest = Value<typeof describeAclsRequest>;

/** Matching access rules, by resource. */
export const describeAclsResponse = message(
  "DescribeAclsResponse",
  { key: 29, versions: [1, 3], flexible: 2 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      patternType: int8({ default: 3 }),
      acls: array({
        principal: string(),
        host: string(),
        operation: int8(),
        permissionType: int8(),
      }),
    }),
  },
);
export type DescribeAclsResponse = Value<typeof describeAclsResponse>;
