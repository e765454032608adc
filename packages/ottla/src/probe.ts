import { type Network, NetworkError } from "@ottla/runtime";

/** Why no broker can be connected to: `unresolved` where no host of the addresses has an address, else `unreachable`. */
export interface ProbeFailure {
  readonly kind: "unresolved" | "unreachable";
  /** Of one of the addresses, for people. */
  readonly reason: string;
}

const unresolvedCodes: ReadonlySet<string> = new Set(["ENOTFOUND", "EAI_AGAIN", "ENODATA"]);

/** Connects to the addresses one after the other; null as soon as one connection was made. `servers` is `host:port`, several separated by commas, and well-formed. */
export async function probe(network: Network, servers: string, timeoutMs: number): Promise<ProbeFailure | null> {
  const failures: ProbeFailure[] = [];
  for (const server of servers.split(",")) {
    const { host, port } = splitAddress(server.trim());
    try {
      const socket = await network.connect({ host, port, timeoutMs });
      socket.destroy();
      return null;
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      const kind = unresolvedCodes.has(error.code) ? "unresolved" : "unreachable";
      failures.push({ kind, reason: error.message });
    }
  }
  return failures.find(({ kind }) => kind === "unreachable") ?? failures[0] ?? null;
}

function splitAddress(server: string): { host: string; port: number } {
  const address = server.replace(/^\w+:\/\//, "");
  const end = address.lastIndexOf(":");
  return { host: address.slice(0, end).replace(/^\[|\]$/g, ""), port: Number(address.slice(end + 1)) };
}
