import { array, bool, int8, int16, int32, message, string, type Value } from "../schema.ts";

/** Raises or lowers the cluster's finalized feature levels (KIP-584). */
export const updateFeaturesRequest = message(
  "UpdateFeaturesRequest",
  { key: 57, versions: [0, 2], flexible: 0 },
  {
    timeoutMs: int32({ default: 60000 }),
    featureUpdates: array({
      feature: string(),
      maxVersionLevel: int16(),
      allowDowngrade: bool({ until: 0 }),
      upgradeType: int8({ since: 1, default: 1 }),
    }),
    validateOnly: bool({ since: 1, default: false }),
  },
);
export type UpdateFeaturesRequest = Value<typeof updateFeaturesRequest>;

/** The outcome of the change. */
export const updateFeaturesResponse = message(
  "UpdateFeaturesResponse",
  { key: 57, versions: [0, 2], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    results: array(
      { feature: string(), errorCode: int16(), errorMessage: string({ nullable: true }) },
      { until: 1, ignorable: true },
    ),
  },
);
export type UpdateFeaturesResponse = Value<typeof updateFeaturesResponse>;
