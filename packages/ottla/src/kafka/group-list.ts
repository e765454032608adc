import type { Admin, GroupListing, GroupState, GroupType } from "@ottla/client";
import type { GroupContext } from "./group-context.ts";
import { listTable } from "./group-tables.ts";
import { executionFailure, javaError } from "./java-words.ts";
import { type ParsedOptions, UsageError } from "./option-parser.ts";

/** `--list` */
export async function listGroups({ admin, options, terminal, timeoutMs }: GroupContext): Promise<void> {
  const columns = { type: options.has("type"), state: options.has("state") };
  const types = parseTypes(options);
  const states = parseStates(options);
  if (columns.type || columns.state) {
    const groups = await listConsumerGroups(admin, { timeoutMs, types, states }).catch((error: unknown) => {
      throw new Error(javaError(error), { cause: error });
    });
    terminal.write(listTable(groups, columns));
  } else {
    for (const groupId of await listGroupIds(admin, timeoutMs)) terminal.write(`${groupId}\n`);
  }
}

/** The ids of all groups of consumers. */
export async function listGroupIds(admin: Admin, timeoutMs: number): Promise<string[]> {
  const groups = await listConsumerGroups(admin, { timeoutMs }).catch((error: unknown) => {
    throw executionFailure(error);
  });
  return groups.map(({ groupId }) => groupId);
}

/** Groups of consumers, sorted: those of share consumers and streams have tools of their own. */
function listConsumerGroups(
  admin: Admin,
  options: { timeoutMs: number; types?: readonly GroupType[]; states?: readonly GroupState[] },
): Promise<GroupListing[]> {
  return admin.listGroups({ ...options, protocolTypes: ["", "consumer"] });
}

/** In the order in which Kafka names them. */
const knownStates: readonly GroupState[] = [
  "Reconciling",
  "Stable",
  "PreparingRebalance",
  "CompletingRebalance",
  "Empty",
  "Dead",
  "Assigning",
];

function parseStates(options: ParsedOptions): GroupState[] {
  const text = options.value("state") ?? "";
  return parseNames(text, knownStates, "Invalid state list", "Valid states are");
}

function parseTypes(options: ParsedOptions): GroupType[] {
  const text = options.value("type") ?? "";
  return parseNames<GroupType>(text, ["Consumer", "Classic"], "Invalid types list", "Valid types are");
}

/** Names separated by commas, in any case. */
function parseNames<Name extends string>(
  text: string,
  known: readonly Name[],
  complaint: string,
  hint: string,
): Name[] {
  if (text === "") return [];
  return text.split(",").map((part) => {
    const name = known.find((it) => it.toLowerCase() === part.trim().toLowerCase());
    if (name !== undefined) return name;
    throw new UsageError(`${complaint} '${text}'. ${hint}: ${known.join(", ")}`, { withUsage: true });
  });
}
