export * from "./checkers.ts";
export * from "./history.ts";
