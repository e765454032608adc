export type { Address, ClientOptions, Options } from "./config.ts";
export * from "./errors.ts";
export * from "./serde.ts";
