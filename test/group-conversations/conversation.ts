/** What a member says to a broker and is told, as text: run on two brokers, the same script must give the same lines. */
import { type Api, apis, errorName, type RequestInput, type ResponseValue } from "@ottla/protocol";
import { nodeRuntime } from "@ottla/runtime";
import { RawClient } from "../support/raw-client.ts";

type Heartbeat = RequestInput<typeof apis.consumerGroupHeartbeat>;
type Partitions = readonly { readonly topicId: string; readonly partitions: readonly number[] }[];

/** What is said to a broker in one go. */
export type Talk = (to: Conversation) => Promise<void>;

interface Assigned {
  readonly assignment: { readonly topicPartitions: readonly { readonly partitions: readonly number[] }[] } | null;
}

export const hasAssignment = ({ assignment }: Assigned): boolean => assignment !== null;

/** The partitions of the first topic that an answer assigns. */
export const partitionsOf = ({ assignment }: Assigned): readonly number[] =>
  assignment?.topicPartitions[0]?.partitions ?? [];

/** What a member of a script starts with. */
export interface ScriptedMember {
  readonly group: string;
  readonly id: string;
  readonly instanceId?: string;
  readonly topics?: readonly string[];
  readonly regex?: string;
  readonly assignor?: string;
  readonly rebalanceTimeoutMs?: number;
}

/** A conversation with one broker, and its record. */
export class Conversation {
  readonly lines: string[] = [];
  private readonly client: RawClient;
  private readonly topicIds = new Map<string, string>();
  /** The last epoch that each member was given. */
  private readonly epochs = new Map<string, number>();
  /** Ids that a broker made up, and what they are called here. */
  private readonly aliases = new Map<string, string>();
  private probes = 0;

  private constructor(client: RawClient) {
    this.client = client;
  }

  static async connect(bootstrapServers: string): Promise<Conversation> {
    const [host = "", port] = bootstrapServers.split(":");
    const script = new Conversation(await RawClient.connect(nodeRuntime().network, host, Number(port)));
    await script.until("the coordinator is there", async () => {
      const { coordinators } = await script.ask(apis.findCoordinator, { keyType: 0, coordinatorKeys: ["any"] });
      return coordinators[0]?.errorCode === 0;
    });
    return script;
  }

  close(): void {
    this.client.close();
  }

  /** Asks without a line. */
  ask<A extends Api>(api: A, request: RequestInput<A>, version?: number): Promise<ResponseValue<A>> {
    return this.client.request(api, request, version);
  }

  /** A line: what was done, and what came of it. Ids of topics are shown as their names. */
  note(what: string, outcome: unknown): void {
    let text = typeof outcome === "string" ? outcome : JSON.stringify(outcome);
    for (const [name, id] of this.topicIds) text = text.replaceAll(id, name);
    for (const [id, name] of this.aliases) text = text.replaceAll(id, name);
    this.lines.push(`${what}: ${text}`);
  }

  async createTopic(name: string, numPartitions: number): Promise<void> {
    const topic = { name, numPartitions, replicationFactor: 1, assignments: [], configs: [] };
    const { topics } = await this.ask(apis.createTopics, { topics: [topic], timeoutMs: 10_000 });
    this.topicIds.set(name, topics[0]!.topicId);
    // Apache Kafka's coordinator hears of topics later than its clients do: somebody asks it until it knows.
    await this.until(`${name} is known`, async () => {
      const member = { groupId: `probe-${name}`, memberId: `probe-${++this.probes}` };
      const join = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: [name], topicPartitions: [] };
      const answer = await this.ask(apis.consumerGroupHeartbeat, { ...member, ...join, memberEpoch: 0 });
      await this.ask(apis.consumerGroupHeartbeat, { ...member, memberEpoch: -1 });
      return (answer.assignment?.topicPartitions.length ?? 0) > 0;
    });
  }

  /** Shows an id that the broker made up as a name. */
  call(id: string, name: string): void {
    if (id !== "") this.aliases.set(id, name);
  }

  idOf(topic: string): string {
    const id = this.topicIds.get(topic);
    if (id === undefined) throw new Error(`the script made no topic ${topic}`);
    return id;
  }

  owned(partitions: Readonly<Record<string, readonly number[]>>): { topicId: string; partitions: number[] }[] {
    return Object.entries(partitions).map(([topic, indexes]) => ({
      topicId: this.idOf(topic),
      partitions: [...indexes],
    }));
  }

  /** A heartbeat as it is, with a line. */
  async heartbeat(what: string, request: Heartbeat, version = 1) {
    const answer = await this.ask(apis.consumerGroupHeartbeat, request, version);
    const { errorCode, errorMessage, memberId, memberEpoch, heartbeatIntervalMs, assignment } = answer;
    if (errorCode === 0 && memberId !== null) this.epochs.set(memberId, memberEpoch);
    const shown = { memberId, memberEpoch, heartbeatIntervalMs, assignment: this.shown(assignment?.topicPartitions) };
    this.note(what, errorCode === 0 ? shown : `${errorName(errorCode)} ${errorMessage}`);
    return answer;
  }

  /** The first heartbeat of a member. */
  join(member: ScriptedMember, about: Partial<Heartbeat> = {}) {
    return this.heartbeat(`${member.id} joins`, {
      groupId: member.group,
      memberId: member.id,
      memberEpoch: 0,
      instanceId: member.instanceId ?? null,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs ?? 60_000,
      subscribedTopicNames: member.topics === undefined ? null : [...member.topics],
      subscribedTopicRegex: member.regex ?? null,
      serverAssignor: member.assignor ?? null,
      topicPartitions: [],
      ...about,
    });
  }

  /** The epoch that a member has now. */
  epochOf(member: ScriptedMember): number {
    return this.epochs.get(member.id) ?? 0;
  }

  /** A heartbeat of a member that has an epoch; what it owns is said where it is given. */
  beat(member: ScriptedMember, owns?: Readonly<Record<string, readonly number[]>>, memberEpoch = this.epochOf(member)) {
    const said = owns === undefined ? "" : ` with ${JSON.stringify(owns)}`;
    return this.heartbeat(`${member.id} at ${memberEpoch}${said}`, {
      groupId: member.group,
      memberId: member.id,
      memberEpoch,
      instanceId: member.instanceId ?? null,
      ...(owns === undefined ? {} : { rebalanceTimeoutMs: 60_000, topicPartitions: this.owned(owns) }),
    });
  }

  /** The same with an epoch that is not the member's, or its good-bye. */
  beatAt(member: ScriptedMember, memberEpoch: number) {
    return this.beat(member, undefined, memberEpoch);
  }

  /** Heartbeats without a line until the broker says something that the member waits for; then the line. */
  async beatUntil(
    what: string,
    member: ScriptedMember,
    isThere: (answer: ResponseValue<typeof apis.consumerGroupHeartbeat>) => boolean,
  ) {
    let answer: ResponseValue<typeof apis.consumerGroupHeartbeat> | undefined;
    await this.until(what, async () => {
      const { group: groupId, id: memberId, instanceId = null } = member;
      const memberEpoch = this.epochOf(member);
      answer = await this.ask(apis.consumerGroupHeartbeat, { groupId, memberId, memberEpoch, instanceId });
      if (answer.errorCode === 0) this.epochs.set(memberId, answer.memberEpoch);
      return isThere(answer);
    });
    const { memberEpoch: epoch, assignment } = answer!;
    this.note(`${member.id} ${what}`, { epoch, assignment: this.shown(assignment?.topicPartitions) });
    return answer!;
  }

  async describe(group: string, version = 1): Promise<void> {
    const { groups } = await this.ask(
      apis.consumerGroupDescribe,
      { groupIds: [group], includeAuthorizedOperations: false },
      version,
    );
    for (const { errorCode, errorMessage, members, ...about } of groups) {
      if (errorCode !== 0) {
        this.note(`describe ${group}`, `${errorName(errorCode)} ${errorMessage}`);
        continue;
      }
      this.note(`describe ${group}`, about);
      for (const { assignment, targetAssignment, clientHost, ...member } of members.toSorted(this.byName)) {
        const has = this.shown(assignment.topicPartitions);
        const subscribedTopicNames = member.subscribedTopicNames.toSorted();
        const target = this.shown(targetAssignment.topicPartitions);
        this.note("- member", { ...member, subscribedTopicNames, has, target });
      }
    }
  }

  /** DescribeGroups, ListGroups. */
  async describeAsClassic(group: string, version: number): Promise<void> {
    const { groups } = await this.ask(apis.describeGroups, { groups: [group] }, version);
    const { members, ...about } = groups[0]!;
    this.note(`describe ${group} as a classic group (${version})`, { ...about, members: members.length });
  }

  async list(prefix: string, typesFilter: string[] = [], statesFilter: string[] = []): Promise<void> {
    const { groups } = await this.ask(apis.listGroups, { typesFilter, statesFilter });
    const mine = groups.filter(({ groupId }) => groupId.startsWith(prefix));
    this.note(
      `list ${typesFilter} ${statesFilter}`,
      mine.toSorted((a, b) => (a.groupId < b.groupId ? -1 : 1)),
    );
  }

  /** Commits with an epoch that is so much away from the member's. */
  async commit(member: ScriptedMember, delta: number, topic: string, version = 10): Promise<void> {
    const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: "" }];
    const named = version >= 10 ? { topicId: this.idOf(topic), partitions } : { name: topic, partitions };
    const epoch = this.epochOf(member) + delta;
    const who = { groupId: member.group, memberId: member.id, groupInstanceId: member.instanceId ?? null };
    const request = { ...who, generationIdOrMemberEpoch: epoch, topics: [named] };
    const { topics } = await this.ask(apis.offsetCommit, request, version);
    this.note(`${member.id} commits at ${epoch} (${version})`, errorName(topics[0]!.partitions[0]!.errorCode));
  }

  /** Likewise; null asks for the group as anybody. */
  async fetch(member: ScriptedMember | null, delta: number, topic: string, group = member?.group): Promise<void> {
    const topics = [{ topicId: this.idOf(topic), partitionIndexes: [0, 1] }];
    const memberEpoch = member === null ? -1 : this.epochOf(member) + delta;
    const asked = { groupId: group ?? topic, memberId: member?.id ?? null, memberEpoch, topics };
    const { groups } = await this.ask(apis.offsetFetch, { groups: [asked] });
    const { errorCode, topics: fetched } = groups[0]!;
    const offsets = fetched.flatMap(({ partitions }) => partitions.map(({ committedOffset }) => committedOffset));
    this.note(`${member?.id} fetches at ${memberEpoch}`, `${errorName(errorCode)} ${offsets}`);
  }

  async deleteGroup(group: string): Promise<void> {
    const { results } = await this.ask(apis.deleteGroups, { groupsNames: [group] });
    this.note(`delete ${group}`, errorName(results[0]!.errorCode));
  }

  async deleteOffsets(group: string, topic: string): Promise<void> {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0 }] }];
    const answer = await this.ask(apis.offsetDelete, { groupId: group, topics });
    const inside = answer.topics[0]?.partitions[0]?.errorCode;
    this.note(`delete offsets of ${topic}`, `${errorName(answer.errorCode)} ${inside}`);
  }

  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt++) {
      if (await isSo()) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`waited in vain: ${what}\n${this.lines.join("\n")}`);
  }

  private readonly byName = (a: { readonly memberId: string }, b: { readonly memberId: string }): number => {
    const nameOf = (id: string) => this.aliases.get(id) ?? id;
    return nameOf(a.memberId) < nameOf(b.memberId) ? -1 : 1;
  };

  private shown(partitions: Partitions | undefined): string | null {
    if (partitions === undefined) return null;
    const nameOf = (id: string) => [...this.topicIds].find(([, one]) => one === id)?.[0] ?? id;
    const texts = partitions.map(
      ({ topicId, partitions: indexes }) => `${nameOf(topicId)}[${[...indexes].sort((a, b) => a - b)}]`,
    );
    return texts.sort().join(" ");
  }
}
