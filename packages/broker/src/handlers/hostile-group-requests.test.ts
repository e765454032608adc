import { zeroUuid } from "@ottla/protocol";
import { expect, test } from "vitest";
import type { RequestContext } from "../context.ts";
import { splitByPermission } from "./group-operations.ts";
import { TopicRows } from "./topic-rows.ts";

test("a request may name any number of groups", () => {
  const groupIds = Array.from({ length: 200_000 }, (_, n) => `group-${n}`);
  const context = {
    authorize: (_: string, __: string, name: string) => name !== "group-7",
  } as unknown as RequestContext;
  // Each was looked for among all the others once, which would take minutes.
  const { allowed, refused } = splitByPermission(groupIds, "describe", context);
  expect(allowed).toHaveLength(199_999);
  expect(refused).toEqual(["group-7"]);
});

test("a request may name a topic twice with any number of partitions", () => {
  const rows = new TopicRows(({ name }) => name);
  const partitions = Array.from({ length: 300_000 }, () => ({ partitionIndex: 0 }));
  const topic = { name: "orders", topicId: zeroUuid };
  rows.refuse(topic, partitions, 3);
  rows.refuse(topic, partitions, 3);
  expect(rows.all()).toHaveLength(1);
  expect(rows.all()[0]!.partitions).toHaveLength(600_000);
});
