import { recordingLogger, simWorld } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { FrameClient } from "../../test/frame-client.ts";
import type { BrokerOptions } from "../config.ts";
import { readOptions } from "../config.ts";
import type { Exchange } from "./exchange.ts";
import { Listeners } from "./listener.ts";

/** Echoes every request, until it is told to keep them. */
async function start(options: BrokerOptions) {
  const world = simWorld(1);
  const { runtime } = world.machine("server").start();
  const logger = recordingLogger();
  const { settings, listeners: configs } = readOptions({ host: "server", port: 9092, ...options });
  const kept: Exchange[] = [];
  let keeps = false;
  const requests = {
    dispatch(exchange: Exchange) {
      if (keeps) kept.push(exchange);
      else exchange.respond([Buffer.from([0, 0, 0, exchange.frame.length]), exchange.frame]);
    },
    overlaps: () => false,
    meet: () => "take" as const,
  };
  const listeners = new Listeners({ runtime, logger, settings, requests });
  await world.clock.until(listeners.listen(configs));
  const connect = (from = "client") =>
    world.clock.until(FrameClient.connect(world.machine(from).start().runtime.network, 9092, "server"));
  return {
    world,
    logger,
    listeners,
    kept,
    connect,
    keep: () => {
      keeps = true;
    },
  };
}

const frame = (content: string) => Buffer.concat([Buffer.from([0, 0, 0, content.length]), Buffer.from(content)]);

describe("the listeners", () => {
  it("refuse a connection more than max.connections, in all and of one address", async () => {
    const { world, connect, logger, listeners } = await start({
      maxConnections: 3,
      maxConnectionsPerIp: 1,
      maxConnectionsPerIpOverrides: "203.0.113.1:9,203.0.113.2:0",
    });
    const first = await connect("a");
    const second = await connect("a");
    await world.clock.until(second.closed);
    expect(listeners.connectionCount).toBe(1);
    await connect("b");
    await connect("c");
    const fourth = await connect("d");
    await world.clock.until(fourth.closed);
    expect(listeners.connectionCount).toBe(3);
    expect(logger.messages("warn").filter((message) => message === "connection refused")).toHaveLength(2);
    await world.clock.until(first.close());
    await world.clock.runFor(100);
    await connect("a");
    await world.clock.runFor(100);
    expect(listeners.connectionCount).toBe(3);
  });

  it("close a connection that says nothing, but not one that waits for an answer", async () => {
    const { world, connect, keep } = await start({ connectionsMaxIdleMs: 10_000 });
    const idle = await connect();
    const waiting = await connect();
    keep();
    waiting.sendRaw(frame("wait"));
    await world.clock.runFor(5000);
    expect(idle.isClosed).toBe(false);
    await world.clock.runFor(10_000);
    expect(idle.isClosed).toBe(true);
    expect(waiting.isClosed).toBe(false);
  });

  it("close a connection whose request does not arrive", async () => {
    const { world, connect, logger } = await start({ config: { "socket.frame.timeout.ms": 5000 } });
    const slow = await connect();
    slow.sendRaw(frame("whole"), Buffer.from([0, 0, 0, 100, 1, 2, 3]));
    for (let second = 0; second < 10 && !slow.isClosed; second++) {
      await world.clock.runFor(1000);
      if (!slow.isClosed) slow.sendRaw(Buffer.from([4]));
    }
    expect(slow.isClosed).toBe(true);
    expect(slow.unasked).toHaveLength(1);
    expect(logger.logged.at(-1)?.fields.reason).toBe("its request did not arrive within socket.frame.timeout.ms");
  });

  it("finish what is in work, up to a limit", async () => {
    const { world, connect, listeners, keep, kept } = await start({});
    const [quick, slow] = [await connect(), await connect()];
    keep();
    quick.sendRaw(frame("quick"));
    slow.sendRaw(frame("slow"));
    await world.clock.runFor(100);
    await world.clock.until(listeners.stopAccepting());
    const finished = listeners.finish(1000);
    kept[0]!.respond([frame("done")]);
    await world.clock.runFor(100);
    expect(quick.unasked.map(String)).toEqual(["done"]);
    expect([quick.isClosed, slow.isClosed]).toEqual([true, false]);
    await world.clock.until(finished);
    await world.clock.runFor(10);
    expect(slow.isClosed).toBe(true);
  });

  it("warn when everybody can reach them", async () => {
    const { logger } = await start({});
    expect(logger.messages("warn")[0]).toContain("listening on server without authentication");
  });
});
