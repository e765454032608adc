import { array, bool, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Replaces all settings of resources; superseded by IncrementalAlterConfigs. */
export const alterConfigsRequest = message(
  "AlterConfigsRequest",
  { key: 33, versions: [0, 2], flexible: 2 },
  {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configs: array({ name: string(), value: string({ nullable: true }) }),
    }),
    validateOnly: bool(),
  },
);
export type AlterConfigsRequest = Value<typeof alterConfigsRequest>;

/** The outcome per resource. */
export const alterConfigsResponse = message(
  "AlterConfigsResponse",
  { key: 33, versions: [0, 2], flexible: 2 },
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
export type AlterConfigsResponse = Value<typeof alterConfigsResponse>;
