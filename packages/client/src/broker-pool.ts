import { type Logger, type Runtime, sleep } from "@ottla/runtime";
import type { AnyApi, Body, RequestOptions, ResponseOf, Versioned, VersionRange } from "./api.ts";
import { backoffMs } from "./backoff.ts";
import type { ClientSettings } from "./config.ts";
import { Connection, type ConnectionOptions, type Handshake, messageOf } from "./connection.ts";
import { ClosedError, ConnectionError, KafkaError, kafkaError, TimeoutError } from "./errors.ts";
import { waitFor } from "./wait.ts";

/** A broker as metadata name it. */
export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** A node's id, or `"any"`: the broker with a connection and the least in work. */
export type Target = number | "any";

/** What a connection is for: requests of one connection are answered in order, so a long poll must not share one with heartbeats. */
export type Purpose = "default" | "fetch" | "coordinator";

export interface SendOptions extends RequestOptions {
  readonly purpose?: Purpose | undefined;
}

export interface BrokerPoolOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly config: ClientSettings;
  /** Done on every new connection after versions were agreed on: the place of SASL. */
  readonly handshake?: Handshake | undefined;
}

/** One connection for one purpose, or the attempt to make it. */
interface Link {
  connection: Connection | null;
  opening: Promise<Connection> | null;
}

interface Node {
  address: BrokerAddress;
  readonly links: Map<Purpose, Link>;
  /** Attempts to connect that failed in a row. */
  failures: number;
  /** No attempt before this time of `clock.monotonic()`. */
  retryAt: number;
  /** Left the cluster or moved: no new connections. */
  retired: boolean;
}

/** What Kafka answers for a node that is not there. */
const brokerNotAvailable = 8;

/** One connection per node and purpose, made when first needed, made again after a back-off when it broke. */
export class BrokerPool {
  readonly #options: BrokerPoolOptions;
  /** By id; the bootstrap addresses have negative ones. */
  readonly #nodes = new Map<number, Node>();
  /** Ends the waiting and connecting of all that is under way when the pool closes. */
  readonly #closing = new AbortController();
  #closed = false;
  #turn = 0;

  constructor(options: BrokerPoolOptions) {
    this.#options = options;
    this.#addBootstrapNodes();
    this.#turn = options.runtime.random.integer(1024);
  }

  /**
   * Sends a request and resolves with the answer. Rejects with a `ConnectionError` (no connection, or it broke), a `TimeoutError`, an
   * `UnsupportedVersionError`, an `InvalidResponseError`, a `ClosedError`, or the signal's reason. Error codes inside the answer are the caller's.
   */
  async send<A extends AnyApi>(target: Target, api: A, body: Body<A>, options?: SendOptions): Promise<ResponseOf<A>> {
    return (await this.sendVersioned(target, api, body, options)).response;
  }

  /** Like `send`, for callers who have to know the version, or which node answered. */
  async sendVersioned<A extends AnyApi>(
    target: Target,
    api: A,
    body: Body<A>,
    options: SendOptions = {},
  ): Promise<Versioned<A>> {
    const { clock } = this.#options.runtime;
    const timeoutMs = options.timeoutMs ?? this.#options.config.requestTimeoutMs;
    const deadline = clock.monotonic() + timeoutMs;
    const purpose = options.purpose ?? "default";
    const { node, connection } = await this.#acquire(target, purpose, deadline, options.signal);
    const { signal, minVersion, maxVersion } = options;
    const leftMs = Math.max(0, deadline - clock.monotonic());
    const answer = await connection.request(api, body, { timeoutMs: leftMs, signal, minVersion, maxVersion });
    return { ...answer, nodeId: node.address.nodeId };
  }

  /** The versions of an API that both sides know; null where there are none. Connects where there is no connection. */
  async supports(target: Target, api: AnyApi, signal?: AbortSignal): Promise<VersionRange | null> {
    const deadline = this.#options.runtime.clock.monotonic() + this.#options.config.requestTimeoutMs;
    const { connection } = await this.#acquire(target, "default", deadline, signal);
    return connection.supports(api);
  }

  /** `broker 1 (localhost:9092)`, for messages. */
  describe(nodeId: number): string {
    const node = this.#nodes.get(nodeId);
    return node === undefined ? `broker ${nodeId}` : describeAddress(node.address);
  }

  /** Whether the last attempt to connect to the node failed and the next one is not due yet. */
  isUnavailable(nodeId: number): boolean {
    const node = this.#nodes.get(nodeId);
    if (node === undefined || node.links.get("default")?.connection?.isOpen) return false;
    return node.failures > 0 && node.retryAt > this.#options.runtime.clock.monotonic();
  }

  /** Takes over what metadata say about where the brokers are; connections to brokers that moved or left are closed once nobody waits for their answers. */
  updateBrokers(brokers: readonly BrokerAddress[]): void {
    if (this.#closed || brokers.length === 0) return;
    const named = new Set(brokers.map((broker) => broker.nodeId));
    for (const broker of brokers) this.addBroker(broker);
    for (const [nodeId, node] of this.#nodes) if (!named.has(nodeId)) this.#retire(node);
  }

  /** Takes over where one broker is, and leaves the others as they are: a coordinator may be newer than the metadata. */
  addBroker(broker: BrokerAddress): void {
    const known = this.#nodes.get(broker.nodeId);
    if (known !== undefined && isSamePlace(known.address, broker)) return;
    if (known !== undefined) this.#retire(known);
    // The connection that was made to a bootstrap address goes on as the one to the broker that is found to be there.
    const bootstrap = [...this.#nodes.values()].find((node) => isBootstrap(node) && isSamePlace(node.address, broker));
    const node = bootstrap ?? newNode(broker);
    this.#nodes.delete(node.address.nodeId);
    node.address = broker;
    for (const link of node.links.values())
      if (link.connection !== null) link.connection.name = describeAddress(broker);
    this.#nodes.set(broker.nodeId, node);
  }

  /** Forgets the brokers and starts again from the bootstrap addresses. */
  rebootstrap(): void {
    if (this.#closed) return;
    this.#options.logger.info("Starting again from the bootstrap addresses");
    for (const node of [...this.#nodes.values()]) this.#retire(node);
    this.#addBootstrapNodes();
  }

  /** Closes every connection; requests in work reject with a `ClosedError`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closing.abort(closedError());
    for (const node of this.#nodes.values()) {
      node.retired = true;
      for (const link of node.links.values()) link.connection?.close(closedError());
    }
    this.#nodes.clear();
  }

  /** The open connection to a node; null where there is none now. For callers to whom the order of requests matters: what they send on it leaves in the order of their calls. */
  connection(nodeId: number, purpose: Purpose = "default"): Connection | null {
    const connection = this.#nodes.get(nodeId)?.links.get(purpose)?.connection;
    return connection?.isOpen ? connection : null;
  }

  /** Connects to a node where there is no connection, after the back-off that is due. Rejects as `send` does. */
  async connect(nodeId: number, purpose: Purpose = "default", signal?: AbortSignal): Promise<Connection> {
    return (await this.#acquire(nodeId, purpose, Number.POSITIVE_INFINITY, signal)).connection;
  }

  async #acquire(
    target: Target,
    purpose: Purpose,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<Acquired> {
    if (this.#closed) throw closedError();
    if (target === "any") return this.#acquireAny(purpose, deadline, signal);
    const node = this.#nodes.get(target);
    if (node === undefined) {
      const what = `Could not send to broker ${target}, which is not among the known ones`;
      throw kafkaError(brokerNotAvailable, what, { retriable: true });
    }
    return { node, connection: await this.#connectionTo(node, purpose, deadline, signal) };
  }

  /** Tries the brokers one after the other, the likeliest first, until one can be talked to. */
  async #acquireAny(purpose: Purpose, deadline: number, signal: AbortSignal | undefined): Promise<Acquired> {
    const tried = new Set<Node>();
    const errors: KafkaError[] = [];
    for (;;) {
      const node = this.#likeliest(purpose, tried);
      if (node === null) throw noneReachable(errors);
      tried.add(node);
      try {
        return { node, connection: await this.#connectionTo(node, purpose, deadline, signal) };
      } catch (error) {
        const isLast = error instanceof TimeoutError || error instanceof ClosedError;
        if (!(error instanceof KafkaError) || isLast) throw error;
        errors.push(error);
      }
    }
  }

  /** With a connection and little in work before those being connected to, before those that may be tried now, before those in back-off. */
  #likeliest(purpose: Purpose, tried: ReadonlySet<Node>): Node | null {
    const now = this.#options.runtime.clock.monotonic();
    const known = [...this.#nodes.values()];
    const allFail = known.every((node) => node.failures > 0 && node.retryAt > now);
    if (allFail && this.#options.config.metadataRecoveryStrategy === "rebootstrap") this.#addBootstrapNodes();
    let best: Node | null = null;
    let bestRank = Number.POSITIVE_INFINITY;
    const nodes = [...this.#nodes.values()];
    const first = this.#turn++;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[(first + i) % nodes.length]!;
      if (tried.has(node)) continue;
      const rank = this.#rank(node, purpose, now);
      if (rank < bestRank) {
        best = node;
        bestRank = rank;
      }
    }
    return best;
  }

  #rank(node: Node, purpose: Purpose, now: number): number {
    const link = node.links.get(purpose);
    if (link?.connection?.isOpen) return Math.min(link.connection.inFlight, 1e6);
    if (link?.opening) return 2e6;
    return node.retryAt <= now ? 3e6 : 4e6 + (node.retryAt - now);
  }

  #connectionTo(node: Node, purpose: Purpose, deadline: number, signal: AbortSignal | undefined): Promise<Connection> {
    let link = node.links.get(purpose);
    if (link === undefined) {
      link = { connection: null, opening: null };
      node.links.set(purpose, link);
    }
    if (link.connection?.isOpen) return Promise.resolve(link.connection);
    if (link.opening === null) {
      link.opening = this.#open(node, link);
      // Whoever waited may have left; then nobody hears of a failure, and the next caller tries again.
      link.opening.catch(() => {});
    }
    const late = () => new TimeoutError(`Could not connect to ${describeAddress(node.address)} in time`);
    return waitFor(this.#options.runtime.clock, link.opening, deadline, signal, late);
  }

  async #open(node: Node, link: Link): Promise<Connection> {
    const { clock, random } = this.#options.runtime;
    const { config } = this.#options;
    const closing = this.#closing.signal;
    try {
      const pauseMs = node.retryAt - clock.monotonic();
      if (pauseMs > 0) await sleep(clock, pauseMs, closing);
      if (node.retired) throw retiredError(node);
      const connection = await Connection.open(this.#connectionOptions(node, link), closing);
      if (this.#closed || node.retired) {
        connection.close();
        throw this.#closed ? closedError() : retiredError(node);
      }
      node.failures = 0;
      node.retryAt = 0;
      link.connection = connection;
      this.#options.logger.debug(`Connected to ${connection.name}`);
      return connection;
    } catch (error) {
      if (closing.aborted) throw closedError();
      node.failures++;
      const pauseMs = backoffMs(config.reconnectBackoffMs, config.reconnectBackoffMaxMs, node.failures, random);
      node.retryAt = clock.monotonic() + pauseMs;
      if (node.failures === 1) this.#options.logger.warn(messageOf(error));
      throw error;
    } finally {
      link.opening = null;
    }
  }

  #connectionOptions(node: Node, link: Link): ConnectionOptions {
    const { runtime, logger, config, handshake } = this.#options;
    const { host, port } = node.address;
    const { socketConnectionSetupTimeoutMs: first, socketConnectionSetupTimeoutMaxMs: longest } = config;
    const jitter = 0.8 + 0.4 * runtime.random.float();
    return {
      ...{ runtime, logger, host, port, handshake, name: describeAddress(node.address), clientId: config.clientId },
      setupTimeoutMs: Math.min(first * 2 ** Math.min(node.failures, 20), longest) * jitter,
      requestTimeoutMs: config.requestTimeoutMs,
      connectionsMaxIdleMs: config.connectionsMaxIdleMs,
      receiveMessageMaxBytes: config.receiveMessageMaxBytes,
      onClosed: (error) => this.#lost(node, link, error),
    };
  }

  #lost(node: Node, link: Link, error: KafkaError | null): void {
    if (link.connection === null) return;
    link.connection = null;
    if (error === null || this.#closed) return;
    this.#options.logger.info(error.message);
    const { clock, random } = this.#options.runtime;
    const { reconnectBackoffMs, reconnectBackoffMaxMs } = this.#options.config;
    node.failures++;
    node.retryAt = clock.monotonic() + backoffMs(reconnectBackoffMs, reconnectBackoffMaxMs, node.failures, random);
  }

  #retire(node: Node): void {
    node.retired = true;
    this.#nodes.delete(node.address.nodeId);
    for (const link of node.links.values()) link.connection?.closeWhenIdle();
  }

  #addBootstrapNodes(): void {
    const nodes = [...this.#nodes.values()];
    for (const [index, { host, port }] of this.#options.config.bootstrapServers.entries()) {
      const address = { nodeId: -1 - index, host, port, rack: null };
      if (!nodes.some((node) => isSamePlace(node.address, address))) this.#nodes.set(address.nodeId, newNode(address));
    }
  }
}

interface Acquired {
  readonly node: Node;
  readonly connection: Connection;
}

function newNode(address: BrokerAddress): Node {
  return { address, links: new Map(), failures: 0, retryAt: 0, retired: false };
}

function isBootstrap(node: Node): boolean {
  return node.address.nodeId < 0;
}

function isSamePlace(a: BrokerAddress, b: BrokerAddress): boolean {
  return a.host === b.host && a.port === b.port;
}

function describeAddress({ nodeId, host, port }: BrokerAddress): string {
  const place = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return nodeId < 0 ? `the bootstrap address ${place}` : `broker ${nodeId} (${place})`;
}

function closedError(): ClosedError {
  return new ClosedError("The client has been closed");
}

function retiredError(node: Node): ConnectionError {
  return new ConnectionError(`${describeAddress(node.address)} is no longer part of the cluster, or has moved`);
}

function noneReachable(errors: readonly KafkaError[]): KafkaError {
  if (errors.length === 1) return errors[0]!;
  const reasons = errors.map((error) => error.message).join("; ");
  return new ConnectionError(`No broker could be reached. ${reasons}`, { cause: errors[0] });
}
