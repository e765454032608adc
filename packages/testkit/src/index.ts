export * from "./api-names.ts";
export * from "./checkers.ts";
export type { ErrorName } from "./error-answers.ts";
export * from "./history.ts";
export * from "./intercept.ts";
export type { InterceptedCall } from "./intercepted-call.ts";
export type { KafkaRelease } from "./kafka-releases.ts";
export * from "./recording.ts";
export * from "./version-limits.ts";
