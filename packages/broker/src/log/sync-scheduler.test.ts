import { expect, it } from "vitest";
import { SyncScheduler } from "./sync-scheduler.ts";

it("asks for a sync before everybody waits for one, whatever the two bounds are", () => {
  const scheduler = new SyncScheduler(1000, 100);
  let requests = 0;
  const target = {
    requestSync: () => {
      requests++;
    },
  };
  scheduler.wrote(target, 60);
  expect([scheduler.isFull, requests]).toEqual([false, 0]);
  scheduler.wrote(target, 60);
  expect([scheduler.isFull, requests]).toEqual([true, 1]);
  let hasRoom = false;
  scheduler.whenRoom(() => {
    hasRoom = true;
  });
  scheduler.synced(target, 120);
  expect(hasRoom).toBe(true);
});
