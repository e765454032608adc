import { BatchView, errorCodes, RecordIterator } from "@ottla/protocol";
import { describe, expect, it } from "vitest";
import { Harness } from "../../test/accumulator-harness.ts";
import { ClosedError, ConnectionError } from "../errors.ts";

describe("when batches go out", () => {
  it("waits for lingerMs, and no longer", () => {
    const harness = new Harness();
    harness.append();
    expect(harness.poll()).toEqual([]);
    expect(harness.machine.deadline()).toBe(5);
    expect(harness.poll(4.9)).toEqual([]);
    expect(harness.poll(5)).toMatchObject([{ type: "send" }]);
    expect(harness.machine.deadline()).toBe(120_000);
  });

  it("sends a full batch at once, and takes what waits for the same broker along", () => {
    const harness = new Harness().warm(0, 1);
    harness.leaders.set("t-2", { nodeId: 2, epoch: 0 });
    harness.append(1);
    harness.append(2);
    for (let i = 0; i < 20; i++) harness.append(0, 100);
    expect(harness.machine.wantsPoll).toBe(true);
    harness.poll();
    expect(harness.requests.map(({ sent }) => sent.map(({ batch }) => batch.queue.partition))).toEqual([[0, 1], [0]]);
    expect(harness.requests.every(({ nodeId }) => nodeId === 1)).toBe(true);
  });

  it("does not linger with lingerMs 0, nor while records wait for memory", () => {
    const eager = new Harness({ lingerMs: 0 });
    eager.append();
    expect(eager.poll()).toMatchObject([{ type: "send" }]);
    const full = new Harness({ bufferMemory: 1500 });
    expect(full.append()).toBe(true);
    expect(full.append(1)).toBe(false);
    full.machine.isExhausted = true;
    expect(full.poll()).toMatchObject([{ type: "send" }]);
    full.answer(full.requests[0]!, [0]);
    expect(full.machine.usedMemory).toBe(0);
    expect(full.append(1)).toBe(true);
  });

  it("has at most maxInFlight requests per broker", () => {
    const harness = new Harness({ maxInFlight: 2 }).warm(0);
    for (let i = 0; i < 4; i++) harness.append(0, 950);
    harness.poll();
    expect(harness.requests).toHaveLength(2);
    harness.answer(harness.requests[0]!, [0]);
    expect(harness.requests).toHaveLength(3);
  });

  it("has one batch of a partition on its way with one request at a time, whoever leads it", () => {
    const harness = new Harness({ maxInFlight: 1 });
    harness.sendOne();
    harness.append(0, 950);
    harness.leaders.set("t-0", { nodeId: 2, epoch: 1 });
    harness.do({ type: "connected", nodeId: 2 });
    expect(harness.requests).toHaveLength(1);
    harness.answer(harness.requests[0]!, [0]);
    expect(harness.requests[1]).toMatchObject({ nodeId: 2 });
  });

  it("keeps requests below maxRequestSize, and serves the partitions in turn", () => {
    const harness = new Harness({ maxRequestSize: 1500, maxInFlight: 1 });
    for (const partition of [0, 1, 2]) harness.append(partition, 950);
    harness.poll();
    expect(harness.requests.map(({ sent }) => sent.length)).toEqual([1]);
    harness.append(0, 950);
    harness.answer(harness.requests[0]!, [0]);
    harness.answer(harness.requests[1]!, [0]);
    harness.answer(harness.requests[2]!, [0]);
    expect(harness.requests.map(({ sent }) => sent[0]!.batch.queue.partition)).toEqual([0, 1, 2, 0]);
  });

  it("asks for leaders, connections and an identity once each, and sends when it has them", () => {
    const harness = new Harness({}, { identified: false });
    harness.leaders.delete("t-0");
    harness.append();
    expect(harness.poll(5)).toMatchObject([{ type: "identify" }]);
    expect(harness.poll(6)).toEqual([]);
    expect(harness.do({ type: "identified", id: 3, epoch: 4 })).toMatchObject([{ type: "refresh", topic: "t" }]);
    harness.leaders.set("t-0", { nodeId: 2, epoch: 0 });
    expect(harness.poll()).toMatchObject([{ type: "connect", nodeId: 2 }]);
    expect(harness.poll()).toEqual([]);
    expect(harness.do({ type: "connected", nodeId: 2 })).toMatchObject([{ type: "send", request: { nodeId: 2 } }]);
    expect(harness.sequences(harness.requests[0]!)).toEqual(["4:0"]);
  });

  it("flushes what is there, and says when it is through", () => {
    const harness = new Harness();
    harness.append(0);
    harness.append(1);
    harness.do({ type: "flush", token: 1 });
    expect(harness.requests).toHaveLength(1);
    harness.append(2);
    const effects = harness.answer(harness.requests[0]!, [0, errorCodes.TOPIC_AUTHORIZATION_FAILED]);
    expect(effects.filter((effect) => effect.type === "flushed")).toEqual([{ type: "flushed", token: 1 }]);
    expect(harness.do({ type: "flush", token: 2 }).some((effect) => effect.type === "flushed")).toBe(false);
    expect(new Harness().do({ type: "flush", token: 3 })).toEqual([{ type: "flushed", token: 3 }]);
  });
});

describe("retries", () => {
  it("sends again after a back-off, or at once when the leader has changed", () => {
    const harness = new Harness();
    const request = harness.sendOne();
    const effects = harness.answer(request, [errorCodes.NOT_LEADER_OR_FOLLOWER]);
    expect(effects.map(({ type }) => type)).toEqual(["refresh", "retried"]);
    const due = harness.machine.deadline();
    expect(due).toBeGreaterThanOrEqual(80);
    expect(due).toBeLessThanOrEqual(120);
    expect(harness.poll(due - 1)).toEqual([]);
    harness.leaders.set("t-0", { nodeId: 2, epoch: 1 });
    expect(harness.poll()).toMatchObject([{ type: "connect", nodeId: 2 }]);
    expect(harness.do({ type: "connected", nodeId: 2 })).toMatchObject([{ type: "send" }]);
    expect(harness.sequences(harness.requests[1]!)).toEqual(["0:0"]);
  });

  it("sends the first batch of a partition alone: a broker that knows nothing takes any for the first", () => {
    const harness = new Harness();
    for (let i = 0; i < 3; i++) harness.append(0, 950);
    harness.poll();
    expect(harness.requests).toHaveLength(1);
    harness.answer(harness.requests[0]!, [0]);
    expect(harness.requests).toHaveLength(3);
  });

  it("sends nothing that is further ahead of a batch of unknown fate than brokers remember", () => {
    const harness = new Harness().warm(0);
    const error = new ConnectionError("lost", { possiblyPersisted: true });
    const first = harness.sendOne();
    for (let i = 0; i < 2; i++) harness.answer(harness.sendOne(), [0]);
    harness.do({ type: "failed", request: first, error });
    for (let i = 0; i < 5; i++) harness.append(0, 950);
    harness.poll(1000);
    expect(harness.sequences(harness.requests[3]!)).toEqual(["0:1"]);
    for (let i = 4; i < harness.requests.length; i++) harness.answer(harness.requests[i]!, [0]);
    expect(harness.requests).toHaveLength(6);
    harness.answer(harness.requests[3]!, [0]);
    expect(harness.requests).toHaveLength(9);
  });

  it("keeps the order: the lowest sequence goes alone until it is there", () => {
    const harness = new Harness().warm(0);
    const [first, second, third] = [harness.sendOne(), harness.sendOne(), harness.sendOne()];
    harness.answer(first, [errorCodes.NOT_ENOUGH_REPLICAS]);
    harness.answer(second, [errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER]);
    harness.answer(third, [errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER]);
    harness.poll(1000);
    expect(harness.requests.slice(3).map((request) => harness.sequences(request))).toEqual([["0:1"]]);
    harness.answer(harness.requests[3]!, [0]);
    harness.answer(harness.requests[4]!, [0]);
    harness.answer(harness.requests[5]!, [0]);
    expect(harness.requests.slice(3).map((request) => harness.sequences(request)[0])).toEqual(["0:1", "0:2", "0:3"]);
    expect([...harness.outcomes.keys()]).toEqual(["r0", "r1", "r2"]);
    expect(harness.machine.incompleteCount).toBe(0);
  });

  it("does not touch bytes that a socket may still hold", () => {
    const harness = new Harness();
    const request = harness.sendOne();
    const before = request.sent[0]!.batch.encode();
    const copy = Buffer.from(before);
    harness.answer(request, [errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER]);
    harness.poll(1000);
    expect(harness.sequences(harness.requests[1]!)).toEqual(["1:0"]);
    expect(before.equals(copy)).toBe(true);
  });

  it("ends after retries, and after deliveryTimeoutMs", () => {
    const few = new Harness({ retries: 1 });
    few.answer(few.sendOne(), [errorCodes.NOT_LEADER_OR_FOLLOWER]);
    few.poll(1000);
    few.answer(few.requests[1]!, [errorCodes.NOT_LEADER_OR_FOLLOWER]);
    expect(few.outcomes.get("r0")).toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER", possiblyPersisted: false });
    const late = new Harness();
    late.answer(late.sendOne(), [errorCodes.NOT_LEADER_OR_FOLLOWER]);
    late.leaders.clear();
    late.poll(119_999);
    expect(late.outcomes.size).toBe(0);
    late.poll(120_000);
    expect(late.outcomes.get("r0")).toMatchObject({ name: "TimeoutError", possiblyPersisted: false });
    expect((late.outcomes.get("r0") as Error).message).toContain("partition 0 of topic t");
    expect(late.machine.usedMemory).toBe(0);
  });

  it("says where a record may be in the log all the same", () => {
    const harness = new Harness({ retries: 1 });
    const error = new ConnectionError("lost", { possiblyPersisted: true });
    harness.do({ type: "failed", request: harness.sendOne(), error });
    harness.poll(1000);
    harness.answer(harness.requests[1]!, [errorCodes.NOT_LEADER_OR_FOLLOWER]);
    expect(harness.outcomes.get("r0")).toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER", possiblyPersisted: true });
    const late = new Harness();
    late.sendOne();
    late.poll(120_000);
    expect(late.outcomes.get("r0")).toMatchObject({ name: "TimeoutError", possiblyPersisted: true });
    const never = new Harness();
    never.leaders.clear();
    never.append();
    never.poll(120_000);
    expect(never.outcomes.get("r0")).toMatchObject({ name: "TimeoutError", possiblyPersisted: false });
  });

  it("puts batches back that were never sent, without counting an attempt", () => {
    const harness = new Harness();
    const request = harness.sendOne();
    expect(harness.do({ type: "unsent", request }).map(({ type }) => type)).toEqual(["connect"]);
    harness.do({ type: "connected", nodeId: 1 });
    expect(harness.sequences(harness.requests[1]!)).toEqual(["0:0"]);
    expect(request.sent[0]!.batch.attempts).toBe(0);
  });

  it("cuts a batch in two that the broker finds too large, until single records are left", () => {
    const harness = new Harness({ retries: 0 });
    for (let i = 0; i < 4; i++) harness.append(0, 100);
    harness.poll(5);
    harness.answer(harness.requests[0]!, [errorCodes.MESSAGE_TOO_LARGE]);
    harness.answer(harness.requests[1]!, [{ baseOffset: 10 }]);
    harness.answer(harness.requests[2]!, [errorCodes.MESSAGE_TOO_LARGE]);
    harness.answer(harness.requests[3]!, [errorCodes.MESSAGE_TOO_LARGE]);
    harness.answer(harness.requests[4]!, [errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER]);
    const sequences = harness.requests.map((request) => harness.sequences(request)[0]);
    expect(sequences).toEqual(["0:0", "0:0", "0:2", "0:2", "1:0"]);
    expect(harness.outcomes.get("r1")).toBe(11);
    expect(harness.outcomes.get("r2")).toMatchObject({ name: "RecordTooLargeError" });
    expect(harness.machine.incompleteCount).toBe(0);
    expect(harness.machine.usedMemory).toBe(0);
  });

  it("tells each record of a refused batch whether it was the bad one", () => {
    const harness = new Harness();
    harness.append();
    harness.append();
    harness.poll(5);
    const recordErrors = [{ batchIndex: 1, batchIndexErrorMessage: "no key" }];
    harness.answer(harness.requests[0]!, [{ errorCode: errorCodes.INVALID_RECORD, recordErrors }]);
    expect((harness.outcomes.get("r0") as Error).message).toContain("not at fault");
    expect((harness.outcomes.get("r1") as Error).message).toContain("no key");
  });
});

describe("sequences and epochs", () => {
  it("raises the epoch after a refusal, and sends the followers anew", () => {
    const harness = new Harness().warm(0);
    const [first, second] = [harness.sendOne(), harness.sendOne()];
    harness.answer(first, [errorCodes.MESSAGE_TOO_LARGE]);
    harness.answer(second, [errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER]);
    harness.poll(1000);
    expect(harness.sequences(harness.requests[2]!)).toEqual(["1:0"]);
    harness.answer(harness.requests[2]!, [0]);
    expect(harness.sequences(harness.sendOne())).toEqual(["1:1"]);
  });

  it("raises the epoch at a gap that cannot be closed", () => {
    const harness = new Harness();
    harness.answer(harness.sendOne(), [0]);
    harness.answer(harness.sendOne(), [errorCodes.UNKNOWN_PRODUCER_ID]);
    harness.poll(1000);
    expect(harness.sequences(harness.requests[2]!)).toEqual(["1:0"]);
  });

  it("lets other partitions finish under the old epoch first", () => {
    const harness = new Harness();
    const [gap, other] = [harness.sendOne(0), harness.sendOne(1)];
    harness.answer(gap, [errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER]);
    harness.append(1, 950);
    harness.poll(50);
    expect(harness.requests).toHaveLength(2);
    harness.answer(other, [0]);
    expect(harness.sequences(harness.requests[2]!)).toEqual(["1:0"]);
    expect(harness.requests[2]!.sent[0]!.batch.queue.partition).toBe(1);
  });

  it("sends nothing new behind a batch of unknown fate, and raises the epoch where it left a gap", () => {
    const harness = new Harness({ deliveryTimeoutMs: 1000 }).warm(0);
    const lost = harness.sendOne();
    harness.now = 500;
    const follower = harness.sendOne();
    harness.poll(1000);
    harness.append(0, 950);
    harness.poll(1010);
    expect(harness.requests).toHaveLength(2);
    harness.answer(follower, [errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER]);
    harness.do({ type: "failed", request: lost, error: new ConnectionError("lost", { possiblyPersisted: true }) });
    harness.poll(1200);
    harness.answer(harness.requests[2]!, [0]);
    expect(harness.requests.slice(2).map((request) => harness.sequences(request)[0])).toEqual(["1:0", "1:1"]);
  });

  it("keeps the epoch where a batch of unknown fate was there after all", () => {
    const harness = new Harness({ deliveryTimeoutMs: 1000 }).warm(0);
    harness.sendOne();
    harness.now = 500;
    const follower = harness.sendOne();
    harness.poll(1000);
    harness.append(0, 950);
    harness.answer(follower, [0]);
    expect(harness.sequences(harness.requests[2]!)).toEqual(["0:3"]);
  });

  it("asks for a new id when there is no higher epoch", () => {
    const harness = new Harness({}, { identified: false });
    harness.do({ type: "identified", id: 7, epoch: 32767 });
    const effects = harness.answer(harness.sendOne(), [errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER]);
    expect(effects.some((effect) => effect.type === "identify")).toBe(false);
    expect(harness.poll(1000)).toMatchObject([{ type: "identify" }]);
    harness.do({ type: "identified", id: 8, epoch: 0 });
    expect(new BatchView(harness.bytesOf.get(harness.requests[1]!)![0]!).producerId).toBe(8);
  });

  it("rejects everything when there is to be no identity, and tries again with the next record", () => {
    const harness = new Harness({}, { identified: false });
    harness.append();
    harness.poll(5);
    harness.do({ type: "notIdentified", error: new ClosedError("no") });
    expect(harness.outcomes.get("r0")).toBeInstanceOf(ClosedError);
    harness.append();
    expect(harness.poll(10)).toMatchObject([{ type: "identify" }]);
  });

  it("gives everything up when told so, and says of what was sent that it may be there", () => {
    const harness = new Harness();
    harness.sendOne();
    harness.append(1);
    harness.do({ type: "abort", error: new ClosedError("closed") });
    expect(harness.outcomes.get("r0")).toMatchObject({ possiblyPersisted: true });
    expect(harness.outcomes.get("r1")).toMatchObject({ possiblyPersisted: false });
    harness.answer(harness.requests[0]!, [0]);
    expect(harness.machine.deadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("batches", () => {
  it("decodes what it encoded", () => {
    const harness = new Harness({ codec: "gzip" });
    harness.append(0, 100, "a");
    harness.append(0, 100, "b");
    harness.poll(5);
    const records = new RecordIterator(new BatchView(harness.requests[0]!.sent[0]!.batch.encode()));
    const values: string[] = [];
    while (records.next()) values.push(records.value()!.toString().replace(/\.*$/, ""));
    expect(values).toEqual(["a", "b"]);
  });
});
