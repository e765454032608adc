/** A commit that is on its way while partitions are let go of must not reach the coordinator once others have them. */
import { cooperativeSticky } from "@ottla/client";
import { intercept } from "@ottla/testkit";
import { expect, it } from "vitest";
import { GroupSetup, nameOf } from "./group-setup.ts";

it.each([
  ["cooperative", { partitionAssignmentStrategy: [cooperativeSticky] }],
  ["KIP-848", { groupProtocol: "consumer" }],
] as const)("%s: what is committed once the listener is done leaves out what goes", async (_, protocol) => {
  const options = { enableAutoCommit: false, ...protocol };
  const setup = await GroupSetup.start({ partitions: 2 });
  const first = setup.member("c1", { ...options, revokingMs: 1_000 });
  await setup.settle(() => setup.isShared(2));
  await setup.send(5, [0, 1]);
  await setup.settle(() => setup.journal.filter(({ what }) => what === "done").length === 10);
  await setup.until(first.consumer.commit());
  const second = setup.member("c2", options);
  await setup.settle(() => setup.journal.some(({ member, what }) => member === "c1" && what === "revoking"));
  // The last of the commits that the revocation waits for is slow; behind it comes another, which takes even longer.
  const slow = intercept(setup.sim.broker, { api: "OFFSET_COMMIT", clientId: "c1", times: 1 }).hold();
  first.consumer.commitAsync();
  const call = await setup.until(slow.next());
  const later = intercept(setup.sim.broker, { api: "OFFSET_COMMIT", clientId: "c1" });
  later.fail("COORDINATOR_LOAD_IN_PROGRESS");
  await setup.settle(() => setup.journal.some(({ member, what }) => member === "c1" && what === "revoked"));
  await setup.pass(100);
  first.consumer.commitAsync();
  call.release();
  await setup.settle(() => second.consumer.assignment().length === 1);
  const [moved] = second.consumer.assignment();
  await setup.send(5, [moved!.partition]);
  await setup.settle(() => setup.journal.filter(({ member, what }) => member === "c2" && what === "done").length === 5);
  await setup.until(second.consumer.commit());
  later.stop();
  await setup.pass(5_000);
  expect((await setup.committed())[nameOf(moved!)]).toBe(10);
  await setup.end();
});
