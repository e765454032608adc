import net from "node:net";
import {
  type ConnectOptions,
  type Listener,
  type ListenOptions,
  type Network,
  NetworkError,
  type Socket,
} from "./network.ts";
import { NodeSocket, networkError } from "./node-socket.ts";

/** After that long without traffic the system asks whether the other side is still there. */
const keepAliveDelayMs = 60_000;

/** How many ports picked by the system are tried for one that is free in both families. */
const portAttempts = 20;

/** The network of the machine. */
export function nodeNetwork(): Network {
  return { connect, listen };
}

function connect(options: ConnectOptions): Promise<Socket> {
  const { host, port, timeoutMs, signal } = options;
  const what = `connecting to ${host}:${port}`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const socket = net.connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs });
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
      // Further attempts at other addresses may still report; nobody listens any more.
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    const failed = (error: Error) => fail(networkError(what, error));
    const aborted = () => fail(signal?.reason);
    const connected = () => {
      settle();
      resolve(new NodeSocket(socket));
    };
    const timer = setTimeout(
      () => fail(new NetworkError(`${what} took longer than ${timeoutMs} ms`, "ETIMEDOUT")),
      timeoutMs,
    );
    signal?.addEventListener("abort", aborted, { once: true });
    socket.on("connect", connected);
    socket.on("error", failed);
  });
}

async function listen(options: ListenOptions, accept: (socket: Socket) => void): Promise<Listener> {
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

async function listenOnLoopback(port: number, accept: (socket: Socket) => void): Promise<Listener> {
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

function openServer(host: string, port: number, accept: (socket: Socket) => void): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer({
      allowHalfOpen: false,
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveDelayMs,
    });
    server.on("connection", (socket) => accept(new NodeSocket(socket)));
    const failed = (error: Error) => reject(networkError(`listening on ${host}:${port}`, error));
    server.on("error", failed);
    server.listen(host === "" ? { port } : { host, port }, () => {
      server.off("error", failed);
      // Accepting one connection can fail (too many open files); the next ones come all the same.
      server.on("error", () => {});
      resolve(server);
    });
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
