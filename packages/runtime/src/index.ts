export * from "./assert.ts";
export * from "./clock.ts";
export * from "./disk.ts";
export * from "./logger.ts";
export * from "./network.ts";
export * from "./random.ts";
export * from "./runtime.ts";
