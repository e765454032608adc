import { array, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Asks which resources have settings; version 0 knows client metrics only (KIP-1142). */
export const listConfigResourcesRequest = message(
  "ListConfigResourcesRequest",
  { key: 74, versions: [0, 1], flexible: 0 },
  {
    resourceTypes: array(int8(), { since: 1 }),
  },
);
export type ListConfigResourcesRequest = Value<typeof listConfigResourcesRequest>;

/** Names and types of resources. */
export const listConfigResourcesResponse = message(
  "ListConfigResourcesResponse",
  { key: 74, versions: [0, 1], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    configResources: array({ resourceName: string(), resourceType: int8({ since: 1, default: 16, ignorable: true }) }),
  },
);
export type ListConfigResourcesResponse = Value<typeof listConfigResourcesResponse>;
