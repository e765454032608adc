import {
  type ConsumerGroupHeartbeatRequest,
  type JoinGroupRequest,
  type OffsetCommitRequest,
  zeroUuid,
} from "@ottla/protocol";
import { type Runtime, type SimClock, silentLogger, simClock, simRandom } from "@ottla/runtime";
import { expect } from "vitest";
import { GroupCoordinator } from "../../src/coordinator/coordinator.ts";
import { defaultGroupCoordinatorConfig, type GroupCoordinatorConfig } from "../../src/coordinator/group-config.ts";
import type { JoinReply } from "../../src/coordinator/group-events.ts";
import { TestTopics } from "./consumer-rig.ts";
import { FakeLog } from "./fake-log.ts";
import { protocol } from "./machine-rig.ts";

export const joiner = { apiVersion: 9, clientId: "client", clientHost: "/127.0.0.1" };

/** A coordinator over logs in memory, on virtual time. */
export class CoordinatorRig {
  readonly clock: SimClock;
  readonly logs: FakeLog[];
  readonly config: GroupCoordinatorConfig;
  coordinator: GroupCoordinator;
  exists: boolean;
  readonly topics = new TestTopics();
  /** Set to make the topic's creation wait. */
  making: Promise<void> | null = null;

  constructor(config: Partial<GroupCoordinatorConfig> = {}, partitionCount = 1, exists = true) {
    this.clock = simClock();
    this.config = { ...defaultGroupCoordinatorConfig, ...config };
    this.logs = Array.from({ length: partitionCount }, (_, index) => new FakeLog(index));
    this.exists = exists;
    this.coordinator = this.make();
  }

  get log(): FakeLog {
    return this.logs[0]!;
  }

  private make(): GroupCoordinator {
    const runtime = { clock: this.clock, random: simRandom(1) } as unknown as Runtime;
    const coordinator = new GroupCoordinator({
      runtime,
      logger: silentLogger,
      config: this.config,
      partitionCount: this.logs.length,
      topics: this.topics,
      existing: () => (this.exists ? this.logs : []),
      partitionFor: (index) => {
        const log = this.logs[index]!;
        return this.making === null ? log : this.making.then(() => log);
      },
    });
    coordinator.start();
    return coordinator;
  }

  /** The broker dies and another one starts on its logs. */
  restart(): void {
    this.coordinator.close();
    this.coordinator = this.make();
  }

  /** Runs what can happen without time passing. */
  settle(): Promise<void> {
    return this.clock.runFor(0);
  }

  join(options: Partial<JoinGroupRequest> = {}): Promise<JoinReply> {
    const request: JoinGroupRequest = {
      groupId: "group",
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      memberId: "",
      groupInstanceId: null,
      protocolType: "consumer",
      protocols: [protocol("range", ["orders"])].map(({ name, metadata }) => ({
        name,
        metadata: Buffer.from(metadata),
      })),
      reason: null,
      ...options,
    };
    return Promise.resolve(this.coordinator.joinGroup(request, joiner));
  }

  /** A group of one member, joined and synced; its id. */
  async member(groupId = "group"): Promise<string> {
    const { memberId } = await this.join({ groupId });
    const joined = this.join({ groupId, memberId });
    await this.clock.runFor(1);
    expect(await joined).toMatchObject({ errorCode: 0 });
    const { generationId } = await joined;
    expect(await this.sync(memberId, generationId, groupId)).toMatchObject({ errorCode: 0 });
    return memberId;
  }

  sync(memberId: string, generationId: number, groupId = "group") {
    const who = { groupId, generationId, memberId, groupInstanceId: null, protocolType: null, protocolName: null };
    return this.coordinator.syncGroup({ ...who, assignments: [{ memberId, assignment: Buffer.from("all") }] });
  }

  /** ConsumerGroupHeartbeat; the first one of a member unless an epoch is given. */
  beat(memberId: string, memberEpoch = 0, options: Partial<ConsumerGroupHeartbeatRequest> = {}) {
    const isJoining = memberEpoch === 0;
    const request: ConsumerGroupHeartbeatRequest = {
      groupId: "group",
      memberId,
      memberEpoch,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: isJoining ? 60_000 : -1,
      subscribedTopicNames: isJoining ? ["orders"] : null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: isJoining ? [] : null,
      ...options,
    };
    return Promise.resolve(this.coordinator.consumerGroupHeartbeat(request, joiner));
  }

  heartbeat(memberId: string, generationId = 1, groupId = "group") {
    return this.coordinator.heartbeat({ groupId, memberId, generationId, groupInstanceId: null });
  }

  async commit(offset: number, groupId = "group", metadata = ""): Promise<number> {
    const request: OffsetCommitRequest = {
      groupId,
      generationIdOrMemberEpoch: -1,
      memberId: "",
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [],
    };
    const partition = {
      partitionIndex: 0,
      committedOffset: offset,
      committedLeaderEpoch: -1,
      committedMetadata: metadata,
    };
    const topics = [{ name: "orders", topicId: zeroUuid, partitions: [partition] }];
    const reply = await this.coordinator.commitOffsets(request, 9, topics);
    return reply.topics[0]!.partitions[0]!.errorCode;
  }

  async fetch(groupId = "group"): Promise<number> {
    const group = { groupId, memberId: null, memberEpoch: -1 };
    const topics = [{ name: "orders", topicId: zeroUuid, partitionIndexes: [0] }];
    const answer = await this.coordinator.fetchOffsets(group, topics, false);
    return answer.errorCode !== 0 ? -1000 - answer.errorCode : answer.topics[0]!.partitions[0]!.committedOffset;
  }
}

/** Whether a promise has settled by now. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  for (let n = 0; n < 10; n++) await null;
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}
