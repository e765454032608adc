import { bool, bytes, int8, int16, int32, message, uuid, type Value } from "../schema.ts";

/** Sends metrics to the broker (KIP-714). */
export const pushTelemetryRequest = message(
  "PushTelemetryRequest",
  { key: 72, versions: [0, 0], flexible: 0 },
  {
    clientInstanceId: uuid(),
    subscriptionId: int32(),
    terminating: bool(),
    compressionType: int8(),
    metrics: bytes(),
  },
);
export type PushTelemetryRequest = Value<typeof pushTelemetryRequest>;

/** Whether the metrics were taken. */
export const pushTelemetryResponse = message(
  "PushTelemetryResponse",
  { key: 72, versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
  },
);
export type PushTelemetryResponse = Value<typeof pushTelemetryResponse>;
