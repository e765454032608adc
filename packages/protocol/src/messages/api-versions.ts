import { array, bool, int16, int32, int64, message, string, type Value } from "../schema.ts";

/** Asks which APIs and versions a broker serves, first thing on a connection (KIP-35, KIP-511). */
export const apiVersionsRequest = message(
  "ApiVersionsRequest",
  { key: 18, versions: [0, 4], flexible: 3 },
  {
    clientSoftwareName: string({ since: 3, ignorable: true }),
    clientSoftwareVersion: string({ since: 3, ignorable: true }),
  },
);
export type ApiVersionsRequest = Value<typeof apiVersionsRequest>;

/** The APIs with their versions, and the cluster's features (KIP-584). Its header is always version 0. */
export const apiVersionsResponse = message(
  "ApiVersionsResponse",
  { key: 18, versions: [0, 4], flexible: 3 },
  {
    errorCode: int16(),
    apiKeys: array({ apiKey: int16(), minVersion: int16(), maxVersion: int16() }),
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    supportedFeatures: array(
      { name: string(), minVersion: int16(), maxVersion: int16() },
      { since: 3, tag: 0, ignorable: true },
    ),
    finalizedFeaturesEpoch: int64({ since: 3, tag: 1, default: -1, ignorable: true }),
    finalizedFeatures: array(
      { name: string(), maxVersionLevel: int16(), minVersionLevel: int16() },
      { since: 3, tag: 2, ignorable: true },
    ),
    zkMigrationReady: bool({ since: 3, tag: 3, default: false, ignorable: true }),
  },
);
export type ApiVersionsResponse = Value<typeof apiVersionsResponse>;
