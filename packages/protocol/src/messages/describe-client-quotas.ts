import { array, bool, float64, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Asks for client quotas by user, client id or address (KIP-546). */
export const describeClientQuotasRequest = message(
  "DescribeClientQuotasRequest",
  { key: 48, versions: [0, 1], flexible: 1 },
  {
    components: array({ entityType: string(), matchType: int8(), match: string({ nullable: true }) }),
    strict: bool(),
  },
);
export type DescribeClientQuotasRequest = Value<typeof describeClientQuotasRequest>;

/** Quotas that match. */
export const describeClientQuotasResponse = message(
  "DescribeClientQuotasResponse",
  { key: 48, versions: [0, 1], flexible: 1 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    entries: array(
      {
        entity: array({ entityType: string(), entityName: string({ nullable: true }) }),
        values: array({ key: string(), value: float64() }),
      },
      { nullable: true },
    ),
  },
);
export type DescribeClientQuotasResponse = Value<typeof describeClientQuotasResponse>;
