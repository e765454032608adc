import { errorCodes } from "@ottla/protocol";
import { simRandom } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import { Harness } from "../../test/accumulator-harness.ts";
import { FakePartition } from "../../test/fake-cluster.ts";
import { ConnectionError } from "../errors.ts";
import type { SentRequest } from "./accumulator-events.ts";

/** A broker that obeys Kafka's rules, behind a network that loses requests and answers, and leaders that move. */
function chaos(seed: number): void {
  const random = simRandom(seed);
  // Some runs give records up before their fate is known.
  const deliveryTimeoutMs = seed % 3 === 1 ? 400 : 1_000_000;
  const harness = new Harness({ batchSize: 200, maxInFlight: 1 + random.integer(5), deliveryTimeoutMs });
  harness.do({ type: "connected", nodeId: 2 });
  const partitions = [new FakePartition(1), new FakePartition(1), new FakePartition(1)];
  const open: SentRequest[] = [];
  const sent = new Map<string, number>();
  let seen = 0;
  // A broker that forgets its producers doubles what it had taken and not confirmed, and takes any sequence: nothing may be lost on the way then.
  const forgets = seed % 3 === 0;
  const lost = new ConnectionError("lost", { possiblyPersisted: true });
  const step = (calm: boolean) => {
    for (; seen < harness.requests.length; seen++) open.push(harness.requests[seen]!);
    const what = random.integer(10);
    if (what < 4 && !calm) {
      const partition = random.integer(3);
      const name = `p${partition}r${harness.count}`;
      if (harness.append(partition, 30 + random.integer(60), name)) sent.set(name, partition);
    } else if (open.length > 0) {
      const request = open.shift()!;
      const fate = calm || forgets ? 9 : random.integer(10);
      // Lost on the way there, refused, lost on the way back, or answered.
      if (fate === 0) harness.do({ type: "failed", request, error: lost });
      else {
        const answers = request.sent.map(({ batch }, index) => {
          if (fate === 1) return errorCodes.NOT_LEADER_OR_FOLLOWER;
          return partitions[batch.queue.partition]!.append(harness.bytesOf.get(request)![index]!);
        });
        if (fate === 2) harness.do({ type: "failed", request, error: lost });
        else harness.answer(request, answers);
      }
    } else if (what === 8 && !calm && forgets) {
      partitions[random.integer(3)]!.forgetProducers();
    }
    harness.poll(harness.now + random.integer(40));
  };
  for (let i = 0; i < 400; i++) step(false);
  for (let i = 0; i < 400 && harness.machine.incompleteCount > 0; i++) step(true);
  expect(harness.machine.incompleteCount).toBe(0);
  for (const [index, partition] of partitions.entries()) {
    const names = partition.values.map((value) => value.replace(/\.*$/, ""));
    expect(new Set(names).size, "nothing twice").toBe(names.length);
    const expected = [...sent].filter(([name, at]) => at === index && names.includes(name)).map(([name]) => name);
    expect(names, "in order").toEqual(expected);
  }
  for (const [name, index] of sent) {
    const offset = partitions[index]!.values.findIndex((value) => value.replace(/\.*$/, "") === name);
    const outcome = harness.outcomes.get(name)!;
    if (typeof outcome === "number") expect(offset, `${name} is where it was said to be`).toBe(outcome);
    else if (offset >= 0) expect(outcome, `${name} is there`).toMatchObject({ possiblyPersisted: true });
    if (deliveryTimeoutMs > 1000) expect(outcome).toBeTypeOf("number");
  }
}

describe("under chaos", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])("loses, doubles and reorders nothing (seed %i)", (seed) =>
    chaos(seed),
  );
});
