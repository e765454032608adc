import type { Call, Entry, PartitionKey } from "./history.ts";

/** An entry of a history as a line for people. */
export function historyLine(entry: Entry): string {
  return `${entry.timeMs.toFixed(3).padStart(12)} ${entry.process.padEnd(12)} ${describe(entry)}`;
}

function describe(entry: Entry): string {
  switch (entry.type) {
    case "send":
      return `sent ${entry.value} to ${entry.partition}: ${entry.outcome}${entry.offset === null ? "" : ` at ${entry.offset}`}`;
    case "poll":
      return `was handed ${entry.records.map(({ partition, offset }) => `${partition}:${offset}`).join(" ")}`;
    case "done":
      return `has done ${entry.partition}:${entry.first}${entry.last > entry.first ? `-${entry.last}` : ""}`;
    case "commit":
      return `commit in generation ${entry.generation}: ${entry.outcome} ${offsetsOf(entry.offsets)}`;
    case "committed":
      return `was told of commits ${offsetsOf(entry.offsets)}`;
    case "assign":
      return `owns (generation ${entry.generation}) ${entry.partitions.join(" ")}`;
    case "release":
      return `has let go of ${entry.partitions.join(" ")}`;
    case "leave":
      return `asks the broker to take out ${entry.members.join(" ")}`;
    case "join":
      return `joins as ${entry.memberId || entry.instanceId}`;
    case "call":
      return describeCall(entry);
    case "note":
      return `** ${entry.what}`;
    default:
      return entry.type;
  }
}

function describeCall(call: Call): string {
  const { api, memberId, generation, error, given, assigned, owned, offsets } = call;
  const parts = [`-> ${api} since ${call.arrivedMs.toFixed(3)} (#${call.connection})`];
  if (memberId !== "") parts.push(`as ${memberId}`);
  parts.push(`generation ${generation}`);
  if (owned !== null) parts.push(`having [${owned.join(" ")}]`);
  parts.push(`=> ${error}`);
  if (given !== null) parts.push(`generation ${given.generation} ${given.memberId}`);
  if (assigned !== null) parts.push(`[${assigned.join(" ")}]`);
  if (offsets !== null) parts.push(offsetsOf(offsets));
  return parts.join(" ");
}

function offsetsOf(offsets: Readonly<Record<PartitionKey, number>>): string {
  return Object.entries(offsets)
    .map(([partition, offset]) => `${partition}:${offset}`)
    .join(" ");
}
