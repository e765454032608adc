import net from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, it } from "vitest";
import { describeNetwork, Peer } from "../test/network-conformance.ts";
import { nodeNetwork } from "./node-network.ts";
import { canAdopt } from "./node-own-buffer.ts";

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);
const bench = { hasIpv6, until: <T>(promise: Promise<T>) => promise };
describeNetwork("nodeNetwork reading into an own buffer", () => ({ network: nodeNetwork("ownBuffer"), ...bench }));
describeNetwork("nodeNetwork reading by data events", () => ({ network: nodeNetwork("dataEvents"), ...bench }));

describe("nodeNetwork", () => {
  it("can read into an own buffer in this version of Node", async () => {
    expect(await canAdopt()).toBe(true);
  });

  it("times out where no answer comes", async () => {
    const listener = await nodeNetwork().listen({ host: "127.0.0.1", port: 0 }, () => {});
    const attempt = nodeNetwork().connect({ host: "127.0.0.1", port: listener.port, timeoutMs: 1 });
    // Timers come before sockets in a turn of the event loop: held up long enough, it sees the timer first.
    const start = performance.now();
    while (performance.now() - start < 5);
    await expect(attempt).rejects.toMatchObject({ name: "NetworkError", code: "ETIMEDOUT" });
    await listener.close();
  });

  it("reports a reset", async () => {
    const { promise, resolve } = Promise.withResolvers<Peer>();
    const listener = await nodeNetwork().listen({ host: "127.0.0.1", port: 0 }, (socket) => resolve(new Peer(socket)));
    const raw = net.connect(listener.port, "127.0.0.1");
    const server = await promise;
    raw.resetAndDestroy();
    await server.isClosed;
    expect(server.error).toMatchObject({ name: "NetworkError", code: "ECONNRESET" });
    expect(server.error?.message).toBe(`connection with 127.0.0.1:${server.socket.remotePort} failed: ECONNRESET`);
    await listener.close();
  });

  it("keeps the handler's chunks apart when two sockets share the buffer", async () => {
    const peers: Peer[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const listener = await nodeNetwork().listen({ host: "127.0.0.1", port: 0 }, (socket) => {
      peers.push(new Peer(socket));
      if (peers.length === 8) resolve();
    });
    const clients = await Promise.all(
      Array.from({ length: 8 }, () =>
        nodeNetwork().connect({ host: "127.0.0.1", port: listener.port, timeoutMs: 5000 }),
      ),
    );
    await promise;
    for (const [index, client] of clients.entries()) {
      client.start({ data() {}, drained() {}, closed() {} });
      client.write([Buffer.alloc(1_000_000, index)]);
    }
    await Promise.all(peers.map((peer) => peer.when(() => peer.receivedSize === 1_000_000)));
    const seen = peers.map((peer) => {
      const all = Buffer.concat(peer.received);
      expect(all.equals(Buffer.alloc(all.length, all[0]!))).toBe(true);
      return all[0]!;
    });
    expect(seen.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const client of clients) client.destroy();
    await listener.close();
  });
});
