import { clientSettings, integer, long, type Options, type Settings, type SettingTable, validate } from "../config.ts";

/** The settings of an `Admin`: Kafka's names in camelCase and Kafka's defaults. */
export const adminSettings = {
  ...clientSettings,
  /** Idle connections are closed after this; -1 keeps them. Default 300,000. */
  connectionsMaxIdleMs: long(300_000, -1),
  /** How long a call may take in all, its retries included; each call's `timeoutMs` goes before. Default 60,000. */
  defaultApiTimeoutMs: integer(60_000, 0),
  /** How often a request is tried again before its call is given up. Default 2,147,483,647: until the call's time is over. */
  retries: integer(2_147_483_647, 0),
} satisfies SettingTable;

export type AdminSettings = Settings<typeof adminSettings>;
/** What `new Admin` takes. */
export type AdminOptions = Options<typeof adminSettings>;

/** Checks the options and fills in the defaults. Throws a `ConfigError`. */
export function adminConfig(options: AdminOptions): AdminSettings {
  return validate("Admin", adminSettings, options);
}
