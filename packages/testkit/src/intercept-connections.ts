import { CloseConnectionError, type ServerConnection } from "@ottla/broker";
import { type Interceptable, intercept } from "./intercept.ts";

/** A broker or a cluster with its connections. */
export interface Connected extends Interceptable {
  /** The open connections. */
  connections(): readonly ServerConnection[];
}

/** Whose connections are meant; by default everybody's. */
export interface ConnectionOptions {
  /** The client's `clientId`, or what it has to match. */
  readonly clientId?: string | RegExp;
}

/** What a cut does. */
export interface CutOptions extends ConnectionOptions {
  /**
   * `refuse`: connections are closed and new ones refused, as with a broker that is down. `swallow`: nothing comes through any more and nobody is told, as with a network that has
   * split; what was on its way follows when it heals, if both sides still wait. Default `refuse`.
   */
  readonly how?: "refuse" | "swallow";
}

/** A cut that lasts until it is healed. */
export interface Cut extends Disposable {
  /** How many connections it has struck. */
  readonly count: number;
  /** Ends it. */
  heal(): void;
}

/**
 * Cuts the connections to a broker, or to all brokers of a cluster, and lets no new ones come about until it is healed: all, or those of a client.
 *
 * ```ts
 * const cut = cutConnections(cluster.broker(2), { how: "swallow" });
 * const lonely = cutConnections(cluster, { clientId: "billing-1" });
 * lonely.heal();
 * ```
 * Whose a new connection is shows with its first request: one of a client that is cut off is taken first, and closed or frozen then.
 */
export function cutConnections(target: Connected, { clientId, how = "refuse" }: CutOptions = {}): Cut {
  const struck = new Set<ServerConnection>();
  const healed = Promise.withResolvers<void>();
  const strike = (connection: ServerConnection) => {
    struck.add(connection);
    if (how === "refuse") connection.destroy();
    else connection.freeze();
  };
  const isMeant = (name: string | null) => {
    if (clientId === undefined) return true;
    return name !== null && (typeof clientId === "string" ? name === clientId : clientId.test(name));
  };
  const remove = target.intercept({
    connect(connection) {
      if (clientId !== undefined) return "take";
      struck.add(connection);
      return how;
    },
    async answer({ context, handle }) {
      if (!isMeant(context.clientId)) return handle();
      const own = target.connections().find((one: object) => one === context.connection);
      if (own !== undefined) strike(own);
      if (how === "refuse") throw new CloseConnectionError("the client is cut off");
      await healed.promise;
      return handle();
    },
  });
  for (const connection of target.connections()) if (isMeant(connection.clientId)) strike(connection);
  const heal = () => {
    remove();
    healed.resolve();
    for (const connection of struck) connection.thaw();
  };
  return {
    get count() {
      return struck.size;
    },
    heal,
    [Symbol.dispose]: heal,
  };
}

/**
 * Makes a broker, or all of a cluster, slow: every answer leaves so many milliseconds of its clock late, those to one client or to all. Returns the way to end it.
 *
 * ```ts
 * const quick = slowDown(cluster.broker(3), 250);
 * ```
 * Answers of one connection keep their order, and the next request of a connection is taken when the answer before it has left.
 */
export function slowDown(target: Interceptable, delayMs: number, options: ConnectionOptions = {}): () => void {
  const slow = intercept(target, options).delayAnswer(delayMs);
  return () => slow.stop();
}
