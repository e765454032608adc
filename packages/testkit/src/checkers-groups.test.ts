import { describe, expect, it } from "vitest";
import { checkDelivery } from "./checkers-delivery.ts";
import { checkAcceptedCommits, checkSimulation } from "./checkers-groups.ts";
import { checkStanding } from "./checkers-standing.ts";
import { type Call, type Entry, History } from "./history.ts";

const options = { sessionTimeoutMs: 1_000, rebalanceTimeoutMs: 1_000 };

function historyOf(...entries: Entry[]): History {
  const history = new History();
  for (const entry of entries) history.add(entry);
  return history;
}

function call(at: number, api: string, process: string, more: Partial<Call> = {}): Call {
  return {
    type: "call",
    group: "g",
    api,
    process,
    timeMs: at * 10,
    arrivedAt: at,
    arrivedMs: at * 10,
    connection: 1,
    memberId: process,
    instanceId: null,
    generation: 1,
    error: "NONE",
    given: null,
    assigned: null,
    owned: null,
    offsets: null,
    ...more,
  };
}

const send = (offset: number): Entry => ({
  type: "send",
  process: "p",
  timeMs: 0,
  partition: "t-0",
  value: `v${offset}`,
  outcome: "ok",
  offset,
  began: offset,
});
const assign = (process: string, generation: number, timeMs: number, partitions = ["t-0"]): Entry => ({
  type: "assign",
  process,
  timeMs,
  group: "g",
  generation,
  partitions,
});
const poll = (process: string, ...offsets: number[]): Entry => ({
  type: "poll",
  process,
  timeMs: 0,
  records: offsets.map((offset) => ({ partition: "t-0", offset, value: `v${offset}` })),
});
const done = (process: string, last: number): Entry => ({
  type: "done",
  process,
  timeMs: 0,
  partition: "t-0",
  first: 0,
  last,
});
const kinds = (faults: readonly { kind: string }[]) => faults.map(({ kind }) => kind);

describe("the checker of commits", () => {
  it("takes what has been finished", () => {
    const history = historyOf(send(0), send(1), done("a", 1), call(3, "OFFSET_COMMIT", "a", { offsets: { "t-0": 2 } }));
    expect(checkSimulation(history, options)).toEqual([]);
  });

  it("finds commits ahead of processing, going back, forgotten, and never accepted", () => {
    const ahead = historyOf(send(0), send(1), done("a", 0), call(3, "OFFSET_COMMIT", "a", { offsets: { "t-0": 2 } }));
    expect(kinds(checkAcceptedCommits(ahead))).toEqual(["commitAhead"]);
    const commits = (...offsets: number[]) =>
      offsets.map((offset, n) => call(2 + n, "OFFSET_COMMIT", "a", { offsets: { "t-0": offset } }));
    expect(kinds(checkAcceptedCommits(historyOf(send(0), done("a", 0), ...commits(1, 0))))).toEqual(["commitWentBack"]);
    const found = call(3, "OFFSET_FETCH", "b", { offsets: { "t-0": -1 } });
    expect(kinds(checkAcceptedCommits(historyOf(send(0), done("a", 0), ...commits(1), found)))).toEqual(["commitLost"]);
    const told = { process: "a", timeMs: 0, group: "g", generation: 1, outcome: "ok", offsets: { "t-0": 1 } } as const;
    expect(kinds(checkAcceptedCommits(historyOf({ type: "commit", ...told })))).toEqual(["commitUnheard"]);
  });

  it("finds a commit of somebody whose partition another has", () => {
    const granted = call(0, "SYNC_GROUP", "b", { assigned: ["t-0"], generation: 2 });
    const late = (arrivedAt: number) => call(arrivedAt, "OFFSET_COMMIT", "a", { offsets: { "t-0": 0 } });
    expect(kinds(checkAcceptedCommits(historyOf(granted, late(1))))).toEqual(["zombie"]);
    // It had come before.
    expect(checkAcceptedCommits(historyOf(granted, late(0)))).toEqual([]);
  });
});

describe("the checker of deliveries", () => {
  const fetched = (offset: number) => call(1, "OFFSET_FETCH", "a", { offsets: { "t-0": offset } });
  const records = [send(0), send(1), send(2), send(3)];

  it("wants all from the committed offset on, once", () => {
    const good = historyOf(
      ...records,
      assign("a", 1, 0),
      fetched(1),
      poll("a", 1, 2),
      assign("a", 2, 0, ["t-0", "t-1"]),
      poll("a", 3),
    );
    expect(checkDelivery(good)).toEqual([]);
    const cases = [
      [[0], "redelivered"],
      [[2], "skipped"],
      [[1, 3], "skipped"],
      [[1, 1], "order"],
    ] as const;
    for (const [offsets, kind] of cases) {
      const history = historyOf(...records, assign("a", 1, 0), fetched(1), poll("a", ...offsets));
      expect(kinds(checkDelivery(history))).toEqual([kind]);
    }
  });
});

describe("the checker of standing", () => {
  const join = (at: number, process: string, generation: number) =>
    call(at, "JOIN_GROUP", process, { given: { memberId: process, generation }, generation: -1 });
  const sync = (at: number, process: string, generation: number, assigned: string[]) =>
    call(at, "SYNC_GROUP", process, { generation, assigned });

  it("finds who is expelled without a reason", () => {
    const member = [join(0, "a", 1), sync(1, "a", 1, ["t-0"]), call(2, "HEARTBEAT", "a")];
    const expelled = (at: number) => call(at, "HEARTBEAT", "a", { error: "UNKNOWN_MEMBER_ID" });
    expect(kinds(checkStanding(historyOf(...member, expelled(50)), options))).toEqual(["expelled"]);
    // After a session without a word there is one.
    expect(checkStanding(historyOf(...member, expelled(150)), options)).toEqual([]);
    const left: Entry = { type: "leave", process: "a", timeMs: 30, group: "g", members: ["a"] };
    expect(checkStanding(historyOf(...member, left, expelled(50)), options)).toEqual([]);
  });

  it("finds what is accepted of an older generation", () => {
    const history = historyOf(join(0, "a", 1), sync(1, "a", 1, []), join(2, "b", 2), call(3, "HEARTBEAT", "a"));
    expect(kinds(checkStanding(history, options))).toEqual(["zombie"]);
  });

  it("finds owners that others have not made room for", () => {
    const first = [join(0, "a", 1), sync(1, "a", 1, ["t-0"]), assign("a", 1, 20), call(3, "HEARTBEAT", "a")];
    const taken = assign("b", 2, 60);
    expect(kinds(checkStanding(historyOf(...first, taken), options))).toEqual(["overlap"]);
    const released: Entry = { type: "release", process: "a", timeMs: 50, group: "g", partitions: ["t-0"] };
    expect(checkStanding(historyOf(...first, released, taken), options)).toEqual([]);
    expect(checkStanding(historyOf(...first, assign("b", 2, 2_000)), options)).toEqual([]);
  });
});
