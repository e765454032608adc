/** One round of `members.ts` in a process of its own. Argument: `machine` or `memory`; prints figures as JSON. */
import { MachineRig, protocol } from "../packages/broker/test/coordinator/machine-rig.ts";

function machine(): Record<string, number> {
  const rig = new MachineRig();
  const started = performance.now();
  const members = rig.stableGroup(1000);
  const joined = performance.now();
  const [gone, ...rest] = members;
  rig.leave([{ memberId: gone ?? "" }]);
  for (const memberId of rest) rig.join({ memberId });
  rig.advance(0);
  rig.syncAll(rest);
  return { joinMs: joined - started, rebalanceMs: performance.now() - joined };
}

function used(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function memory(): Record<string, number> {
  const [groups, perGroup] = [1000, 10];
  const rig = new MachineRig();
  rig.stableGroup(10, { groupId: "warm-up" });
  rig.log.length = 0;
  rig.replies.clear();
  const before = used();
  for (let group = 0; group < groups; group++) {
    const topics = Array.from({ length: 5 }, (_, topic) => `a-topic-with-an-ordinary-name-${topic}`);
    rig.stableGroup(perGroup, {
      groupId: `a-group-with-an-ordinary-name-${group}`,
      clientId: `service-${group}`,
      protocols: [protocol("range", topics), protocol("cooperative-sticky", topics)],
    });
    // What the log keeps and what was answered is not the coordinator's memory.
    rig.log.length = 0;
    rig.replies.clear();
  }
  const bytes = used() - before;
  // Asked only now, so that the machine is still in use while its memory is counted.
  if (rig.group("warm-up").members.size !== perGroup) throw new Error("the groups are gone");
  return { bytesPerMember: bytes / (groups * perGroup) };
}

console.log(JSON.stringify(process.argv[2] === "memory" ? memory() : machine()));
