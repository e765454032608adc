import { Admin, type AdminOptions, ConfigError } from "@ottla/client";
import { DiskError, type Runtime } from "@ottla/runtime";
import { clientOptions, PropertyError } from "../client-properties.ts";
import { probe } from "../probe.ts";
import type { Terminal } from "../terminal.ts";
import { type ParsedOptions, UsageError } from "./option-parser.ts";

/** The version of Apache Kafka whose tools these stand in for. */
export const kafkaVersion = "4.3.1";

/** What a tool of Kafka's works with. */
export interface ToolContext {
  readonly options: ParsedOptions;
  readonly terminal: Terminal;
  readonly runtime: Runtime;
}

/** There is no admin client to work with. */
export class NoAdminError extends Error {
  override readonly name = "NoAdminError";
  /** The `--command-config` file that is missing; null where the settings are to blame. */
  readonly missingFile: string | null;
  /** Why; null for a missing file. */
  readonly reason: string | null;

  constructor(details: { missingFile: string } | { reason: string }) {
    super("missingFile" in details ? details.missingFile : "Failed to create new KafkaAdminClient");
    this.missingFile = "missingFile" in details ? details.missingFile : null;
    this.reason = "reason" in details ? details.reason : null;
  }
}

/** How long one address may take to answer the question whether it is there at all. */
const probeTimeoutMs = 2_000;

/** An admin client as `--bootstrap-server` and `--command-config` say. Throws a `NoAdminError` where that cannot be. */
export async function openAdmin({ options, terminal, runtime }: ToolContext): Promise<Admin> {
  const servers = options.value("bootstrap-server") ?? "";
  const file = options.value("command-config");
  const properties = file === undefined ? {} : await readProperties(runtime, file);
  let admin: Admin;
  try {
    const { options: settings, unused } = clientOptions(properties);
    if (unused.length > 0) terminal.complain(`WARN These settings of ${file} are not used: ${unused.join(", ")}\n`);
    admin = new Admin({ ...(settings as Partial<AdminOptions>), bootstrapServers: servers, runtime });
  } catch (error) {
    if (error instanceof PropertyError) throw new NoAdminError({ reason: error.message });
    if (!(error instanceof ConfigError)) throw error;
    const isAddress = error.setting === "bootstrapServers";
    throw new NoAdminError({ reason: isAddress ? `Invalid url in bootstrap.servers: ${servers}` : error.message });
  }
  // Kafka's admin looks the hosts up when it is made.
  const failure = await probe(runtime.network, servers, probeTimeoutMs);
  if (failure?.kind !== "unresolved") return admin;
  await admin.close();
  throw new NoAdminError({ reason: "No resolvable bootstrap urls given in bootstrap.servers" });
}

async function readProperties({ disk }: Runtime, path: string): Promise<Record<string, string>> {
  const { parseProperties } = await import("@ottla/broker");
  try {
    return parseProperties(disk.readFile(path).toString("utf8"));
  } catch (error) {
    if (error instanceof DiskError && error.code === "ENOENT") throw new NoAdminError({ missingFile: path });
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
