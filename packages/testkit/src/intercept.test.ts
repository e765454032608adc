import type { InterceptedRequest, Interceptor, RequestContext } from "@ottla/broker";
import { type Api, apis, decode, encode, errorCodes, type ResponseInput } from "@ottla/protocol";
import { simClock } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { type ApiName, apiNamed } from "./api-names.ts";
import { errorAnswer } from "./error-answers.ts";
import { type Interceptable, intercept } from "./intercept.ts";
import { highestVersions } from "./kafka-releases.ts";
import { limitVersions } from "./version-limits.ts";

/** A broker that answers everything with what it was asked, and counts. */
class EchoBroker implements Interceptable {
  readonly clock = simClock();
  readonly handled: object[] = [];
  interceptors: Interceptor[] = [];

  intercept(interceptor: Interceptor): () => void {
    this.interceptors.push(interceptor);
    return () => {
      this.interceptors = this.interceptors.filter((other) => other !== interceptor);
    };
  }

  async request(api: Api, request: object, from: { clientId?: string; connection?: number } = {}): Promise<unknown> {
    const context = {
      apiVersion: api.request.maxVersion,
      clientId: from.clientId ?? "client",
      connection: { id: from.connection ?? 1, closed: false, onClose: () => () => {} },
      node: { runtime: { clock: this.clock } },
    } as unknown as RequestContext;
    const handle = async (body = request) => {
      this.handled.push(body);
      return { echo: body };
    };
    const newest = this.interceptors.at(-1);
    const intercepted: InterceptedRequest = { api, request, context, handle };
    return newest?.answer === undefined ? handle() : newest.answer(intercepted);
  }

  heartbeat(generationId: number, from?: { clientId?: string; connection?: number }): Promise<unknown> {
    return this.request(apis.heartbeat, { groupId: "g", generationId, memberId: "m" }, from);
  }
}

const generations = (broker: EchoBroker) =>
  broker.handled.map((request) => (request as { generationId: number }).generationId);

describe("intercept", () => {
  it("strikes what fits, so often as it was told", async () => {
    const broker = new EchoBroker();
    const dropped = intercept(broker, {
      api: ["HEARTBEAT", "SYNC_GROUP"],
      clientId: /^a/,
      connection: 2,
      where: (request) => request.generationId > 0,
      skip: 1,
      times: 2,
    }).drop();
    const a = { clientId: "a", connection: 2 };
    const others: [Api, object, object][] = [
      [apis.leaveGroup, { generationId: 1 }, a],
      [apis.heartbeat, { generationId: 1 }, { clientId: "b", connection: 2 }],
      [apis.heartbeat, { generationId: 1 }, { clientId: "a", connection: 3 }],
      [apis.heartbeat, { generationId: 0 }, a],
    ];
    for (const other of others) expect(await broker.request(...other)).not.toBeNull();
    expect(dropped.count).toBe(0);
    const outcomes = [];
    for (let n = 1; n <= 4; n++) outcomes.push(await broker.heartbeat(n, a));
    expect(outcomes.map((answer) => answer === null)).toEqual([false, true, true, false]);
    await dropped.finished;
    expect(dropped.count).toBe(2);
  });

  it("only looks on where no reaction was chosen, and hands out the calls in order", async () => {
    const broker = new EchoBroker();
    const seen = intercept(broker);
    const waiting = seen.next();
    expect(await broker.heartbeat(1)).toEqual({ echo: expect.objectContaining({ generationId: 1 }) });
    await broker.heartbeat(2);
    const first = await waiting;
    expect(first).toMatchObject({ api: "HEARTBEAT", version: 4, clientId: "client", connection: 1, isConnected: true });
    expect(await first.answered).toEqual({ echo: first.request });
    expect((await seen.next()).request).toMatchObject({ generationId: 2 });
  });

  it("holds requests and answers until it is told what becomes of them", async () => {
    const broker = new EchoBroker();
    const requests = intercept(broker, { api: "HEARTBEAT" }).hold();
    const released = broker.heartbeat(1);
    (await requests.next()).release();
    expect(await released).not.toBeNull();
    const failed = broker.heartbeat(2);
    (await requests.next()).fail("ILLEGAL_GENERATION");
    expect(await failed).toMatchObject({ errorCode: errorCodes.ILLEGAL_GENERATION });
    const dropped = broker.heartbeat(3);
    (await requests.next()).drop();
    expect(await dropped).toBeNull();
    const answered = broker.heartbeat(4);
    (await requests.next()).answer({ errorCode: 0 });
    expect(await answered).toEqual({ errorCode: 0 });
    const closed = broker.heartbeat(5);
    (await requests.next()).disconnect();
    await expect(closed).rejects.toThrow("HEARTBEAT was intercepted");
    expect(generations(broker)).toEqual([1]);
    const left = broker.heartbeat(6);
    await requests.next();
    requests.stop();
    expect(await left).not.toBeNull();
    expect(generations(broker)).toEqual([1, 6]);
    expect(broker.interceptors).toEqual([]);

    const answers = intercept(broker, { api: "HEARTBEAT" }).holdAnswer();
    const late = broker.heartbeat(7);
    const call = await answers.next();
    // Whatever it is told now, the broker has handled it.
    call.drop();
    expect(await late).toBeNull();
    expect(generations(broker)).toEqual([1, 6, 7]);
  });

  it("delays by the broker's clock, before and after", async () => {
    const broker = new EchoBroker();
    const delay = intercept(broker, { api: "HEARTBEAT" }).delay(50);
    const first = broker.heartbeat(1);
    await broker.clock.runFor(49);
    expect(generations(broker)).toEqual([]);
    await broker.clock.until(first);
    delay.delayAnswer(50);
    const began = broker.clock.monotonic();
    await broker.clock.until(broker.heartbeat(2));
    expect([generations(broker), broker.clock.monotonic() - began]).toEqual([[1, 2], 50]);
  });

  it("drops, fails, closes and rewrites, before and after", async () => {
    const broker = new EchoBroker();
    const it = intercept(broker, { api: "HEARTBEAT" });
    const reactions: [() => unknown, unknown, boolean][] = [
      [() => it.drop(), null, false],
      [() => it.dropAnswer(), null, true],
      [() => it.disconnect(), "closed", false],
      [() => it.disconnectAfter(), "closed", true],
      [() => it.fail("NOT_COORDINATOR"), { errorCode: 16, throttleTimeMs: 0 }, false],
      [() => it.failAnswer("NOT_COORDINATOR"), { errorCode: 16, throttleTimeMs: 0 }, true],
      [() => it.answer(() => ({ errorCode: 1 })), { errorCode: 1 }, false],
      [() => it.rewriteAnswer(() => ({ errorCode: 2 })), { errorCode: 2 }, true],
      [() => it.use(async () => ({ errorCode: 3 })), { errorCode: 3 }, false],
    ];
    for (const [react, outcome, isHandled] of reactions) {
      broker.handled.length = 0;
      react();
      const answer = await broker.heartbeat(1).catch(() => "closed");
      expect([answer, broker.handled.length === 1]).toEqual([outcome, isHandled]);
    }
    broker.handled.length = 0;
    it.rewrite((request) => ({ ...request, generationId: 9 }));
    await broker.heartbeat(1);
    expect(generations(broker)).toEqual([9]);
  });

  it("closes the connection of a Produce without acks in place of failing it", async () => {
    const broker = new EchoBroker();
    intercept(broker, { api: "PRODUCE" }).fail("NOT_LEADER_OR_FOLLOWER");
    await expect(broker.request(apis.produce, { acks: 0, topicData: [] })).rejects.toThrow("intercepted");
  });
});

describe("error answers", () => {
  /** A request with one of everything, as it arrives. */
  function sample(api: Api, version: number): object {
    const fill = (fields: Api["request"]["fields"]): Record<string, unknown> =>
      Object.fromEntries(
        Object.entries(fields).flatMap(([name, field]) => {
          if (version < field.since || version > field.until || field.tag >= 0) return [];
          if (field.kind === "array" && field.element !== null) {
            const { element } = field;
            return [[name, [element.kind === "struct" ? fill(element.fields!) : element.kind === "string" ? "x" : 0]]];
          }
          if (field.kind === "struct") return [[name, field.default === null ? null : fill(field.fields!)]];
          return [[name, field.default ?? null]];
        }),
      );
    return decode(api.request, version, encode(api.request, version, fill(api.request.fields)));
  }

  /** Every `errorCode` in an answer, however deep. */
  function codes(value: unknown): number[] {
    if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [];
    return Object.entries(value).flatMap(([name, field]) => (name === "errorCode" ? [field as number] : codes(field)));
  }

  it("can be encoded, and say it of everything, for all that clients send, in every version", () => {
    const names = Object.keys(highestVersions("3.9")) as ApiName[];
    for (const name of names) {
      const api = apiNamed(name);
      for (let version = api.request.minVersion; version <= api.request.maxVersion; version++) {
        if (name === "ELECT_LEADERS" && version < 1) continue;
        if (name === "DESCRIBE_LOG_DIRS" && version < 3) continue;
        const answer = errorAnswer(api, version, sample(api, version), "UNKNOWN_SERVER_ERROR");
        const sent = decode(api.response, version, encode(api.response, version, answer as ResponseInput<Api>));
        const said = codes(sent).filter((code) => code !== 0);
        expect(said.length, `${name} version ${version}`).toBeGreaterThan(0);
        expect(new Set(said)).toEqual(new Set([-1]));
      }
    }
  });

  it("say so where there is no place for an error", () => {
    expect(() => errorAnswer(apis.describeLogDirs as Api, 1, {}, "UNKNOWN_SERVER_ERROR")).toThrow(
      "an answer to DESCRIBE_LOG_DIRS version 1 has no place for UNKNOWN_SERVER_ERROR",
    );
  });
});

describe("limitVersions", () => {
  const range = (broker: EchoBroker, api: Api, served: readonly [number, number]) =>
    broker.interceptors[0]!.versions!(api, served);

  it("limits to a release of Kafka", () => {
    const broker = new EchoBroker();
    const undo = limitVersions(broker, "2.8");
    expect(range(broker, apis.fetch as Api, [4, 18])).toEqual([4, 12]);
    expect(range(broker, apis.describeTopicPartitions as Api, [0, 0])).toBeNull();
    undo();
    expect(broker.interceptors).toEqual([]);
  });

  it("limits single APIs, never beyond what the broker has", () => {
    const broker = new EchoBroker();
    limitVersions(broker, { FETCH: [5, 99], INCREMENTAL_ALTER_CONFIGS: null, PRODUCE: [20, 21] });
    expect(range(broker, apis.fetch as Api, [4, 18])).toEqual([5, 18]);
    expect(range(broker, apis.incrementalAlterConfigs as Api, [0, 1])).toBeNull();
    expect(range(broker, apis.produce as Api, [0, 13])).toBeNull();
    expect(range(broker, apis.metadata as Api, [0, 13])).toEqual([0, 13]);
  });
});
