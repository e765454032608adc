import { array, bool, int8, int16, int32, message, string, uuid, type Value } from "../schema.ts";

/** Asks which metrics the broker wants from this client (KIP-714). */
export const getTelemetrySubscriptionsRequest = message(
  "GetTelemetrySubscriptionsRequest",
  { key: 71, versions: [0, 0], flexible: 0 },
  {
    clientInstanceId: uuid(),
  },
);
export type GetTelemetrySubscriptionsRequest = Value<typeof getTelemetrySubscriptionsRequest>;

/** The metrics wanted, how often and how compressed. */
export const getTelemetrySubscriptionsResponse = message(
  "GetTelemetrySubscriptionsResponse",
  { key: 71, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    clientInstanceId: uuid(),
    subscriptionId: int32(),
    acceptedCompressionTypes: array(int8()),
    pushIntervalMs: int32(),
    telemetryMaxBytes: int32(),
    deltaTemporality: bool(),
    requestedMetrics: array(string()),
  },
);
export type GetTelemetrySubscriptionsResponse = Value<typeof getTelemetrySubscriptionsResponse>;
