import { array, bool, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Sets, deletes, appends to or subtracts from single settings (KIP-339). */
export const incrementalAlterConfigsRequest = message(
  "IncrementalAlterConfigsRequest",
  { key: 44, versions: [0, 1], flexible: 1 },
  {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configs: array({ name: string(), configOperation: int8(), value: string({ nullable: true }) }),
    }),
    validateOnly: bool(),
  },
);
export type IncrementalAlterConfigsRequest = Value<typeof incrementalAlterConfigsRequest>;

/** The outcome per resource. */
export const incrementalAlterConfigsResponse = message(
  "IncrementalAlterConfigsResponse",
  { key: 44, versions: [0, 1], flexible: 1 },
  {
    throttleTimeMs: int32({ default: 0 }),
    responses: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      resourceType: int8(),
      resourceName: string(),
    }),
  },
);
export type IncrementalAlterConfigsResponse = Value<typeof incrementalAlterConfigsResponse>;
