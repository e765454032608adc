import net from "node:net";
import {
  type ConnectOptions,
  type Listener,
  type ListenOptions,
  type Network,
  NetworkError,
  type Socket,
} from "./network.ts";
import { adopt, canAdopt, type ReadInto, sharedBuffer } from "./node-own-buffer.ts";
import { NodeSocket, networkError } from "./node-socket.ts";

/** After a minute without traffic the system asks whether the other side is still there. */
const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };

/** The longest delay that Node's timers take. */
const longestTimeoutMs = 2 ** 31 - 1;

/** How many ports picked by the system are tried for one that is free in both families. */
const portAttempts = 20;

/** How sockets read: into a buffer of our own, or by Node's 'data' events. */
export type ReadPath = "ownBuffer" | "dataEvents";

/**
 * The network of the machine. Sockets read into one buffer of our own where that works, which is tried out before the first `listen`; `readPath` is for tests that
 * want the other way.
 */
export function nodeNetwork(readPath: ReadPath = "ownBuffer"): Network {
  return {
    connect: (options) => connect(options, readPath),
    listen: async (options, accept) => {
      // The trial runs beside the listening; whoever connects before it has ended is served by 'data' events.
      let ownBuffer = false;
      const trial = readPath === "ownBuffer" ? canAdopt() : Promise.resolve(false);
      const accepted = (socket: net.Socket) => accept(acceptedSocket(socket, ownBuffer));
      const [listener, works] = await Promise.all([listen(options, accepted), trial]);
      ownBuffer = works;
      return listener;
    },
  };
}

type Accept = (socket: net.Socket) => void;

function acceptedSocket(accepted: net.Socket, ownBuffer: boolean): Socket {
  // A connection that was reset before it got here has no handle any more.
  if (!ownBuffer || accepted.destroyed) return new NodeSocket(accepted);
  const onread = reader();
  const socket = new NodeSocket(adopt(accepted, onread));
  onread.receiver = socket;
  return socket;
}

/** Reads into the shared buffer for a socket that is made with it, and so exists only later. */
function reader(): ReadInto & { receiver: NodeSocket | null } {
  const buffer = sharedBuffer();
  const onread = {
    receiver: null as NodeSocket | null,
    buffer,
    callback: (size: number) => {
      onread.receiver?.receive(buffer.subarray(0, size));
      return true;
    },
  };
  return onread;
}

function connect(options: ConnectOptions, readPath: ReadPath): Promise<Socket> {
  const { host, port, timeoutMs, signal } = options;
  const what = `connecting to ${host}:${port}`;
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onread = readPath === "ownBuffer" ? reader() : undefined;
    const socket = attempt(what, () => net.connect({ host, port, ...socketOptions, ...(onread && { onread }) }));
    // Nothing is to be read before there is somebody to read it.
    socket.pause();
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      socket.off("connect", connected);
      socket.off("error", failed);
    };
    const fail = (error: unknown) => {
      settle();
      // Attempts at other addresses may still report; nobody is interested any more.
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    const failed = (error: Error) => fail(networkError(what, error));
    const aborted = () => fail(signal?.reason);
    const timedOut = () => fail(new NetworkError(`${what} took longer than ${timeoutMs} ms`, "ETIMEDOUT"));
    const connected = () => {
      settle();
      const connection = new NodeSocket(socket);
      if (onread !== undefined) onread.receiver = connection;
      resolve(connection);
    };
    const timer = setTimeout(timedOut, Math.min(timeoutMs, longestTimeoutMs));
    signal?.addEventListener("abort", aborted, { once: true });
    socket.on("connect", connected);
    socket.on("error", failed);
  });
}

/** What Node refuses by a throw (a port that is none) fails as everything else does. */
function attempt<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw networkError(what, error as Error);
  }
}

async function listen(options: ListenOptions, accept: Accept): Promise<Listener> {
  if (options.host !== "localhost") {
    const server = await openServer(options.host, options.port, accept);
    return listener([server]);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await listenOnLoopback(options.port, accept);
    } catch (error) {
      // The port that the system picked in one family may be taken in the other.
      const mayTryAnother = options.port === 0 && attempt < portAttempts;
      if (!mayTryAnother || !(error instanceof NetworkError) || error.code !== "EADDRINUSE") throw error;
    }
  }
}

async function listenOnLoopback(port: number, accept: Accept): Promise<Listener> {
  const first = await openServer("127.0.0.1", port, accept).catch(unlessMissing);
  try {
    const second = await openServer("::1", first === null ? port : portOf(first), accept).catch((error: unknown) => {
      // Neither family has a loopback address: then that is the error.
      if (first === null) throw error;
      return unlessMissing(error);
    });
    return listener([first, second].filter((server) => server !== null));
  } catch (error) {
    first?.close();
    throw error;
  }
}

/** The machine may lack one of the address families; any other failure is one. */
function unlessMissing(error: unknown): null {
  if (error instanceof NetworkError && (error.code === "EADDRNOTAVAIL" || error.code === "EAFNOSUPPORT")) return null;
  throw error;
}

function openServer(host: string, port: number, accept: Accept): Promise<net.Server> {
  const what = `listening on ${host}:${port}`;
  return new Promise((resolve, reject) => {
    const server = net.createServer({ allowHalfOpen: false, pauseOnConnect: true, ...socketOptions });
    server.on("connection", accept);
    const failed = (error: Error) => reject(networkError(what, error));
    const listening = () => {
      server.off("error", failed);
      // Accepting a connection can fail (too many open files); the next ones come all the same.
      server.on("error", () => {});
      resolve(server);
    };
    server.on("error", failed);
    attempt(what, () => server.listen(host === "" ? { port } : { host, port }, listening));
  });
}

function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port;
}

function listener(servers: readonly net.Server[]): Listener {
  let closing: Promise<void> | null = null;
  return {
    port: portOf(servers[0]!),
    close: () => {
      closing ??= new Promise((resolve) => {
        // Node's callback waits for the connections too; the port is free at once, as far as the system is concerned.
        for (const server of servers) server.close();
        setImmediate(resolve);
      });
      return closing;
    },
  };
}
