import { describe, expect, it } from "vitest";
import { type CheckOptions, checkHistory, type Fault } from "./checkers.ts";
import { type Entry, History } from "./history.ts";

const p = "t-0";

/** An entry with the parts that do not matter here filled in. */
function entry(partial: Record<string, unknown> & Pick<Entry, "type">): Entry {
  const rest = {
    process: "a",
    timeMs: 0,
    group: "g",
    generation: 1,
    outcome: "ok",
    partition: p,
    offset: null,
    value: "",
  };
  return { ...rest, records: [], offsets: {}, partitions: [], ...partial } as unknown as Entry;
}

let begun = 0;
const sent = (value: string, offset: number) => entry({ type: "send", value, offset, began: begun++ });
const polled = (...records: [offset: number, value: string][]) =>
  entry({ type: "poll", process: "c", records: records.map(([offset, value]) => ({ partition: p, offset, value })) });

function kinds(entries: readonly Entry[], options?: CheckOptions): Fault["kind"][] {
  const history = new History();
  for (const one of entries) history.add(one);
  return checkHistory(history, options).map((fault) => fault.kind);
}

describe("the checkers", () => {
  it("find nothing in a sound history", () => {
    const history = [
      sent("x", 0),
      sent("y", 1),
      entry({ type: "assign", process: "c", partitions: [p] }),
      polled([0, "x"], [1, "y"]),
      entry({ type: "commit", process: "c", offsets: { [p]: 2 } }),
    ];
    expect(kinds(history, { drained: true })).toEqual([]);
  });

  it("let an unknown outcome be either", () => {
    const unknown = entry({ type: "send", value: "x", outcome: "info" });
    expect(kinds([unknown, polled([0, "x"])])).toEqual([]);
    expect(kinds([unknown], { drained: true })).toEqual([]);
  });

  it.each<[Fault["kind"], Entry[], CheckOptions?]>([
    ["divergentOffset", [sent("x", 0), polled([0, "y"]), polled([1, "x"])]],
    ["duplicate", [sent("x", 0), polled([0, "x"], [1, "x"])]],
    ["failedSendRead", [entry({ type: "send", value: "x", outcome: "fail" }), polled([0, "x"])]],
    ["lostWrite", [sent("x", 0), sent("y", 1), polled([1, "y"])]],
    ["unread", [sent("x", 0)], { drained: true }],
    ["order", [polled([1, "y"], [0, "x"])]],
    ["skipped", [sent("x", 0), sent("y", 1), sent("z", 2), polled([0, "x"], [2, "z"])]],
    ["notOwned", [entry({ type: "assign", process: "c", partitions: ["t-1"] }), polled([0, "x"])]],
    ["producerOrder", [sent("x", 1), sent("y", 0)]],
    [
      "commitWentBack",
      [
        polled([0, "x"], [1, "y"]),
        entry({ type: "commit", offsets: { [p]: 2 } }),
        entry({ type: "commit", offsets: { [p]: 1 } }),
      ],
    ],
    ["commitLoss", [sent("x", 0), entry({ type: "commit", offsets: { [p]: 1 } })]],
    [
      "commitLost",
      [
        polled([0, "x"], [1, "y"]),
        entry({ type: "commit", offsets: { [p]: 2 } }),
        entry({ type: "committed", process: "admin", offsets: { [p]: 1 }, startedMs: 1 }),
      ],
    ],
    [
      "twoOwners",
      [
        entry({ type: "assign", process: "c", partitions: [p] }),
        entry({ type: "assign", process: "d", partitions: [p] }),
      ],
    ],
  ])("find %s", (kind, entries, options) => {
    expect(kinds(entries, options)).toContain(kind);
  });

  it("go by the order in which sends began, not by that in which they ended", () => {
    const [first, second] = [sent("x", 0), sent("y", 1)];
    expect(kinds([second, first])).toEqual([]);
  });

  it("let a read of what is committed miss a commit that ended meanwhile", () => {
    const commit = entry({ type: "commit", offsets: { [p]: 1 }, timeMs: 5 });
    expect(kinds([polled([0, "x"]), commit, entry({ type: "committed", offsets: {}, startedMs: 4 })])).toEqual([]);
  });

  it("let a process that no group assigned anything to read what it likes, and gaps be where nothing is", () => {
    expect(kinds([polled([0, "x"], [7, "y"])])).toEqual([]);
  });

  it("allow a second copy of a value where producers are not idempotent", () => {
    expect(kinds([sent("x", 0), polled([0, "x"], [1, "x"])], { idempotent: false })).toEqual([]);
  });

  it("let a process read again what it was assigned anew", () => {
    const assigned = entry({ type: "assign", process: "c", partitions: [p] });
    expect(kinds([assigned, polled([0, "x"]), { ...assigned, generation: 2 } as Entry, polled([0, "x"])])).toEqual([]);
  });

  it("let another generation have another owner", () => {
    const first = entry({ type: "assign", process: "c", partitions: [p] });
    expect(kinds([first, { ...first, process: "d", generation: 2 } as Entry])).toEqual([]);
  });
});
