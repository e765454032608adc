/** Settings of clients as a properties file has them (`--command-config`, `--client-config`): Kafka's names and text, turned into options. */

type Kind = "text" | "number";

/** What an admin client can be told. */
const known: Readonly<Record<string, Kind>> = {
  "bootstrap.servers": "text",
  "client.id": "text",
  "connections.max.idle.ms": "number",
  "default.api.timeout.ms": "number",
  "metadata.max.age.ms": "number",
  "metadata.recovery.rebootstrap.trigger.ms": "number",
  "metadata.recovery.strategy": "text",
  "receive.message.max.bytes": "number",
  "reconnect.backoff.max.ms": "number",
  "reconnect.backoff.ms": "number",
  "request.timeout.ms": "number",
  retries: "number",
  "retry.backoff.max.ms": "number",
  "retry.backoff.ms": "number",
  "security.protocol": "text",
  "socket.connection.setup.timeout.max.ms": "number",
  "socket.connection.setup.timeout.ms": "number",
};

/** A file that asks for what cannot be had. */
export class PropertyError extends Error {
  override readonly name = "PropertyError";
}

export interface ClientProperties {
  readonly options: Readonly<Record<string, string | number>>;
  /** Names of settings that this client has no use for; Kafka's clients warn of them too. */
  readonly unused: readonly string[];
}

/** Options out of properties. Values that are out of range are left for the client to refuse. Throws a `PropertyError` for a security setting: there is no TLS and no SASL yet. */
export function clientOptions(properties: Readonly<Record<string, string>>): ClientProperties {
  const options: Record<string, string | number> = {};
  const unused: string[] = [];
  for (const [name, text] of Object.entries(properties)) {
    if (/^(ssl|sasl)\./.test(name)) throw new PropertyError(`${name} cannot be used: there is no TLS and no SASL yet`);
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) unused.push(name);
    else options[camelCase(name)] = kind === "number" && /^\s*-?\d+\s*$/.test(text) ? Number(text) : text.trim();
  }
  return { options, unused };
}

function camelCase(name: string): string {
  return name.replace(/\.(\w)/g, (_, letter: string) => letter.toUpperCase());
}
