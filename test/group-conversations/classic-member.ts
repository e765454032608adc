/** A member of the classic protocol in a script. */
import {
  apis,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  decodeStored,
  encodeStored,
  errorName,
} from "@ottla/protocol";
import type { Conversation } from "./conversation.ts";

type Owned = Readonly<Record<string, readonly number[]>>;

const version = 3;

export class ClassicMember {
  private readonly script: Conversation;
  private readonly group: string;
  private readonly protocolType: string;
  private readonly topics: readonly string[];
  private readonly groupInstanceId: string | null;
  private id = "";
  private generation = -1;

  constructor(
    script: Conversation,
    group: string,
    protocolType: string,
    topics: readonly string[],
    groupInstanceId: string | null = null,
  ) {
    this.script = script;
    this.group = group;
    this.protocolType = protocolType;
    this.topics = topics;
    this.groupInstanceId = groupInstanceId;
  }

  private get who() {
    const { group: groupId, id: memberId, generation: generationId, groupInstanceId } = this;
    return { groupId, memberId, generationId, groupInstanceId };
  }

  /** JoinGroup, twice where the broker gives out an id first. */
  async join(owned: Owned = {}): Promise<void> {
    const subscription = {
      topics: [...this.topics],
      userData: null,
      ownedPartitions: partitionsOf(owned),
      generationId: this.generation,
      rackId: null,
    };
    const metadata = encodeStored(version, consumerProtocolSubscription, subscription);
    const request = {
      groupId: this.group,
      memberId: this.id,
      groupInstanceId: this.groupInstanceId,
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 30_000,
      protocolType: this.protocolType,
      protocols: [{ name: "range", metadata }],
    };
    const answer = await this.script.ask(apis.joinGroup, request);
    if (answer.memberId !== "") this.id = answer.memberId;
    this.script.call(this.id, this.groupInstanceId ?? "classic");
    const { errorCode, generationId, protocolName, leader } = answer;
    const outcome = { generationId, protocolName, isLeader: leader === this.id, members: answer.members.length };
    this.script.note("classic joins", errorCode === 0 ? outcome : errorName(errorCode));
    if (errorCode === 0) this.generation = generationId;
    if (errorName(errorCode) === "MEMBER_ID_REQUIRED") await this.join(owned);
  }

  /** What a leader that is alone says in SyncGroup. */
  assignmentOf(owned: Owned): { memberId: string; assignment: Buffer }[] {
    const assignedPartitions = partitionsOf(owned);
    const assignment = encodeStored(version, consumerProtocolAssignment, { assignedPartitions, userData: null });
    return [{ memberId: this.id, assignment }];
  }

  async sync(assignments: { memberId: string; assignment: Buffer }[] = []): Promise<void> {
    const protocol = { protocolType: this.protocolType, protocolName: "range" };
    const answer = await this.script.ask(apis.syncGroup, { ...this.who, ...protocol, assignments });
    if (answer.errorCode !== 0) {
      this.script.note("classic syncs", errorName(answer.errorCode));
      return;
    }
    const { assignedPartitions } = decodeStored(consumerProtocolAssignment, answer.assignment);
    const shown = assignedPartitions.map(({ topic, partitions }) => `${topic}[${partitions.toSorted()}]`);
    this.script.note("classic syncs", shown.sort().join(" "));
  }

  async heartbeat(): Promise<void> {
    const { errorCode } = await this.script.ask(apis.heartbeat, this.who);
    this.script.note("classic's heartbeat", errorName(errorCode));
  }

  async commit(topic: string): Promise<void> {
    const partitions = [{ partitionIndex: 0, committedOffset: 7, committedMetadata: "" }];
    const { generationId, ...who } = this.who;
    const request = { ...who, generationIdOrMemberEpoch: generationId };
    const topics = [{ topicId: this.script.idOf(topic), partitions }];
    const answer = await this.script.ask(apis.offsetCommit, { ...request, topics });
    this.script.note("classic commits", errorName(answer.topics[0]!.partitions[0]!.errorCode));
  }

  async leave(): Promise<void> {
    const members = [{ memberId: this.id, groupInstanceId: this.groupInstanceId }];
    const { errorCode, members: left } = await this.script.ask(apis.leaveGroup, { groupId: this.group, members });
    this.script.note("classic leaves", errorName(errorCode || (left[0]?.errorCode ?? 0)));
  }
}

function partitionsOf(owned: Owned): { topic: string; partitions: number[] }[] {
  return Object.entries(owned).map(([topic, partitions]) => ({ topic, partitions: [...partitions] }));
}
