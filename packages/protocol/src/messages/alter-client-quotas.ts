import { array, bool, float64, int16, int32, message, string, type Value } from "../schema.ts";

const entityData = { entityType: string(), entityName: string({ nullable: true }) };

/** Sets or removes client quotas. */
export const alterClientQuotasRequest = message(
  "AlterClientQuotasRequest",
  { key: 49, versions: [0, 1], flexible: 1 },
  {
    entries: array({ entity: array(entityData), ops: array({ key: string(), value: float64(), remove: bool() }) }),
    validateOnly: bool(),
  },
);
export type AlterClientQuotasRequest = Value<typeof alterClientQuotasRequest>;

/** The outcome per entity. */
export const alterClientQuotasResponse = message(
  "AlterClientQuotasResponse",
  { key: 49, versions: [0, 1], flexible: 1 },
  {
    throttleTimeMs: int32({ default: 0 }),
    entries: array({ errorCode: int16(), errorMessage: string({ nullable: true }), entity: array(entityData) }),
  },
);
export type AlterClientQuotasResponse = Value<typeof alterClientQuotasResponse>;
