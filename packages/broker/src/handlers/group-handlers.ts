import type { Handler } from "./handler.ts";

/** The APIs of consumer groups and their offsets. */
export const groupHandlers: readonly Handler[] = [];
