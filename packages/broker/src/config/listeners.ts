import { ConfigError } from "./definition.ts";
import type { Settings } from "./settings.ts";

/** A listener as configured. */
export interface ListenerConfig {
  /** Upper case, as Kafka has it. */
  readonly name: string;
  /** Where to listen: a name or address; empty for every address. */
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** What clients are told; null: the host above, or, when that is every address, the one that the client connected to. */
  readonly advertised: { readonly host: string; readonly port: number } | null;
}

interface EndPoint {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** Reads `listeners`, `advertised.listeners` and what names the listeners of a KRaft controller (there is none here: they are left out). */
export function readListeners(settings: Settings): ListenerConfig[] {
  const controllers = new Set(settings.list("controller.listener.names").map((name) => name.toUpperCase()));
  const listeners = parseEndPoints("listeners", settings).filter((endPoint) => !controllers.has(endPoint.name));
  if (listeners.length === 0) throw new ConfigError("listeners names no listener for clients");
  const taken = new Set<string>();
  for (const { host, port } of listeners) {
    if (port !== 0 && taken.has(`${host}:${port}`)) throw new ConfigError(`listeners has ${host}:${port} twice`);
    taken.add(`${host}:${port}`);
  }
  checkProtocols(listeners, settings);
  const advertised = parseEndPoints("advertised.listeners", settings);
  for (const { name, host, port } of advertised) {
    if (!listeners.some((listener) => listener.name === name) && !controllers.has(name)) {
      throw new ConfigError(`advertised.listeners names ${name}, which listeners does not have`);
    }
    if (isEveryAddress(host)) {
      throw new ConfigError(
        `advertised.listeners must name an address that clients can connect to, not ${name}://${host}:${port}`,
      );
    }
  }
  return listeners.map((listener) => {
    const told = advertised.find((endPoint) => endPoint.name === listener.name);
    return { ...listener, advertised: told === undefined ? null : { host: told.host, port: told.port } };
  });
}

/** Whether a host stands for every address of the machine. */
export function isEveryAddress(host: string): boolean {
  return host === "" || host === "0.0.0.0" || host === "::";
}

/** Whether only the machine itself can connect to a host. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}

function parseEndPoints(setting: "listeners" | "advertised.listeners", settings: Settings): EndPoint[] {
  const endPoints = settings.list(setting).map((text) => parseEndPoint(setting, text));
  const names = new Set<string>();
  for (const { name } of endPoints) {
    if (names.has(name)) throw new ConfigError(`${setting} has the name ${name} twice; each listener needs its own`);
    names.add(name);
  }
  return endPoints;
}

function parseEndPoint(setting: string, text: string): EndPoint {
  const match = /^([A-Za-z0-9_]+):\/\/(?:\[([0-9a-fA-F:.%]+)\]|([^[\]:/]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[4]);
  if (match === null || port > 65_535) {
    throw new ConfigError(`Invalid value ${text} for configuration ${setting}: expected NAME://host:port`);
  }
  return { name: match[1]!.toUpperCase(), host: match[2] ?? match[3] ?? "", port };
}

function checkProtocols(listeners: readonly EndPoint[], settings: Settings): void {
  const protocols = new Map(
    settings.list("listener.security.protocol.map").map((entry) => {
      const [name = "", protocol = ""] = entry.split(":");
      return [name.toUpperCase(), protocol.toUpperCase()];
    }),
  );
  for (const { name } of listeners) {
    const protocol = protocols.get(name);
    if (protocol === undefined) {
      throw new ConfigError(
        `listener ${name} has no protocol; add ${name}:PLAINTEXT to listener.security.protocol.map`,
      );
    }
    if (protocol !== "PLAINTEXT")
      throw new ConfigError(`listener ${name} asks for ${protocol}; only PLAINTEXT is served yet`);
  }
}
