import { errorCodes, zeroUuid } from "@ottla/protocol";
import {
  type Disk,
  DiskError,
  type DiskFile,
  memoryDisk,
  type Runtime,
  SimClock,
  silentLogger,
  simRandom,
} from "@ottla/runtime";
import { expect, test } from "vitest";
import { protocol } from "../../test/coordinator/machine-rig.ts";
import { defaultLogConfig } from "../log/config.ts";
import { LogManager } from "../log/log-manager.ts";
import { GroupCoordinator } from "./coordinator.ts";
import { defaultGroupCoordinatorConfig } from "./group-config.ts";

/** A disk whose writes can be made to fail. */
class FailingDisk {
  isFailing = false;
  readonly disk: Disk;

  constructor(disk: Disk) {
    this.disk = {
      open: (path, mode) => this.wrap(disk.open(path, mode)),
      readFile: (path) => disk.readFile(path),
      stat: (path) => disk.stat(path),
      list: (path) => disk.list(path),
      makeDirectory: (path) => disk.makeDirectory(path),
      rename: (from, to) => disk.rename(from, to),
      remove: (path) => disk.remove(path),
      syncDirectory: (path) => disk.syncDirectory(path),
      lock: (path) => disk.lock(path),
    };
  }

  private wrap(file: DiskFile): DiskFile {
    const check = () => {
      if (this.isFailing) throw new DiskError("write", file.path, "EIO");
    };
    return {
      path: file.path,
      size: () => file.size(),
      read: (position, into) => file.read(position, into),
      write: (position, chunks) => {
        check();
        file.write(position, chunks);
      },
      truncate: (size) => file.truncate(size),
      sync: () => file.sync(),
      syncBlocking: () => file.syncBlocking(),
      close: () => file.close(),
    };
  }
}

/** A coordinator on a real log, which can die and start again on the same disk. */
class Rig {
  readonly clock = new SimClock();
  readonly disk = new FailingDisk(memoryDisk(this.clock));
  private leaderEpoch = 0;
  private logs: LogManager | null = null;
  coordinator: GroupCoordinator | null = null;

  /** Starts, after a death where it was not stopped. */
  async start(): Promise<GroupCoordinator> {
    this.leaderEpoch++;
    const runtime = { clock: this.clock, random: simRandom(1), disk: this.disk.disk } as unknown as Runtime;
    const config = { ...defaultLogConfig, cleanupPolicy: ["compact"] as const };
    const topicId = "eabl6BYxTJire9e1L-a19w";
    const about = { topic: "__consumer_offsets", topicId, leaderEpoch: this.leaderEpoch, config };
    const partitions = [0, 1, 2, 3].map((index) => ({ ...about, index }));
    const opened = LogManager.open({ runtime, logger: silentLogger, dataDirectory: "/data", partitions });
    const logs = await this.clock.until(opened);
    this.logs = logs;
    const coordinator = new GroupCoordinator({
      runtime,
      logger: silentLogger,
      config: defaultGroupCoordinatorConfig,
      partitionCount: partitions.length,
      existing: () => logs.partitions(),
      partitionFor: (index) => logs.partition("__consumer_offsets", index)!,
    });
    coordinator.start();
    await this.clock.runFor(1);
    this.coordinator = coordinator;
    return coordinator;
  }

  async stop(): Promise<void> {
    this.coordinator!.close();
    await this.clock.until(this.logs!.close());
  }

  async commit(groupId: string, offset: number): Promise<number> {
    const who = { groupId, memberId: "", groupInstanceId: null, generationIdOrMemberEpoch: -1, retentionTimeMs: -1 };
    const partition = { partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: null };
    const topics = [{ name: "orders", topicId: zeroUuid, partitions: [partition] }];
    const committed = Promise.resolve(this.coordinator!.commitOffsets({ ...who, topics: [] }, 9, topics));
    return (await this.clock.until(committed)).topics[0]!.partitions[0]!.errorCode;
  }

  async fetch(groupId: string): Promise<number> {
    const topics = [{ name: "orders", topicId: zeroUuid, partitionIndexes: [0] }];
    const answer = await this.coordinator!.fetchOffsets({ groupId, memberId: null, memberEpoch: -1 }, topics, false);
    return answer.errorCode === 0 ? answer.topics[0]!.partitions[0]!.committedOffset : -1000 - answer.errorCode;
  }

  async member(groupId: string): Promise<string> {
    const protocols = [protocol("range", ["orders"])].map(({ name, metadata }) => ({
      name,
      metadata: Buffer.from(metadata),
    }));
    const timeouts = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000 };
    const request = { groupId, groupInstanceId: null, protocolType: "consumer", protocols, reason: null, ...timeouts };
    const joiner = { apiVersion: 9, clientId: "client", clientHost: "/127.0.0.1" };
    const join = (memberId: string) =>
      this.clock.until(Promise.resolve(this.coordinator!.joinGroup({ ...request, memberId }, joiner)));
    const { memberId } = await join("");
    const { generationId } = await join(memberId);
    const sync = { groupId, generationId, memberId, groupInstanceId: null, protocolType: null, protocolName: null };
    const assignments = [{ memberId, assignment: Buffer.from("all") }];
    const synced = await this.clock.until(Promise.resolve(this.coordinator!.syncGroup({ ...sync, assignments })));
    expect(synced.errorCode).toBe(0);
    return memberId;
  }
}

test("a group and its offsets outlive deaths and stops", async () => {
  const rig = new Rig();
  await rig.start();
  const memberId = await rig.member("group");
  for (let n = 0; n < 20; n++) expect(await rig.commit(`other-${n}`, n)).toBe(0);
  for (const isClean of [false, true, false]) {
    if (isClean) await rig.stop();
    else rig.coordinator!.close();
    const coordinator = await rig.start();
    await rig.clock.runFor(5_000);
    const beat = { groupId: "group", generationId: 1, memberId, groupInstanceId: null };
    expect(coordinator.heartbeat(beat)).toBe(0);
    for (let n = 0; n < 20; n++) expect(await rig.fetch(`other-${n}`)).toBe(n);
  }
  await rig.stop();
});

test("a disk that fails takes the groups of that partition out of service, and no answer lies", async () => {
  const rig = new Rig();
  await rig.start();
  expect(await rig.commit("group", 1)).toBe(0);
  rig.disk.isFailing = true;
  expect(await rig.commit("group", 2)).toBe(errorCodes.NOT_COORDINATOR);
  rig.disk.isFailing = false;
  expect(await rig.fetch("group")).toBe(-1000 - errorCodes.NOT_COORDINATOR);
  await rig.clock.runFor(2_000);
  expect(await rig.fetch("group")).toBe(-1000 - errorCodes.NOT_COORDINATOR);
  rig.coordinator!.close();
  await rig.start();
  expect(await rig.fetch("group")).toBe(1);
  expect(await rig.commit("group", 3)).toBe(0);
});
