import { type AssignorMember, type AssignorTopics, compareText, type MemberAssignment } from "./assignor.ts";
import { DistinctSubscriptions } from "./distinct-subscriptions.ts";
import { GroupRacks } from "./group-racks.ts";
import { TopicTable } from "./topic-table.ts";

/** Members with the same subscription (and in the same rack, where racks count): what one of them may have, the others may have too. */
export interface MemberClass {
  /** Numbers of topics; those without partitions are left out. */
  readonly topics: Int32Array;
  /** Number of the rack; 0 for none. */
  readonly rack: number;
  /** Numbers of members, rising. */
  readonly members: number[];
}

/**
 * A group as numbers, so that a million partitions cost a few flat arrays: members in the order of their ids, topics in the order of their names, partitions
 * counted through in the order of their topics.
 */
export class StickyGroup {
  readonly members: readonly AssignorMember[];
  readonly topicNames: readonly string[];
  /** The first partition of each topic; one more entry at the end. */
  readonly topicStarts: Int32Array;
  /** The topic of each partition. */
  readonly topicOf: Int32Array;
  /** Whether all members name the same topics. */
  readonly isUniform: boolean;
  /** Null where racks make no difference. */
  readonly racks: GroupRacks | null;
  readonly classes: readonly MemberClass[];
  /** The class of each member. */
  readonly classOf: Int32Array;
  /** The numbers of topics that have partitions and that somebody subscribes to. */
  readonly topicTable: TopicTable;

  constructor(topics: AssignorTopics, members: readonly AssignorMember[]) {
    this.members = [...members].sort((a, b) => compareText(a.memberId, b.memberId));
    const subscriptions = new DistinctSubscriptions(this.members);
    this.isUniform = subscriptions.areAlike();
    this.topicNames = subscriptions
      .topics()
      .filter((topic) => topics.partitionCount(topic) > 0)
      .sort(compareText);
    this.topicTable = new TopicTable(this.topicNames);
    this.topicStarts = new Int32Array(this.topicNames.length + 1);
    this.topicNames.forEach((topic, number) => {
      this.topicStarts[number + 1] = this.topicStarts[number]! + topics.partitionCount(topic);
    });
    this.topicOf = new Int32Array(this.partitionCount);
    for (let topic = 0; topic < this.topicNames.length; topic++) {
      this.topicOf.fill(topic, this.topicStarts[topic], this.topicStarts[topic + 1]);
    }
    this.racks = GroupRacks.of(topics, this.topicNames, this.topicStarts, this.members);
    this.classOf = new Int32Array(this.members.length);
    this.classes = this.#classify(subscriptions);
  }

  get partitionCount(): number {
    return this.topicStarts[this.topicNames.length]!;
  }

  /** Each member's partitions, given the owner of each partition (-1: nobody). */
  assignment(owners: Int32Array): Map<string, MemberAssignment> {
    const { starts, partitions } = this.partitionsByMember(owners);
    const assignment = new Map<string, MemberAssignment>();
    this.members.forEach(({ memberId }, member) => {
      assignment.set(memberId, { partitions: this.#byTopic(partitions, starts[member]!, starts[member + 1]!) });
    });
    return assignment;
  }

  /** The partitions of all members one after the other, each member's in order, with where each member's begin. */
  partitionsByMember(owners: Int32Array): { starts: Int32Array; partitions: Int32Array } {
    const starts = new Int32Array(this.members.length + 1);
    for (let partition = 0; partition < owners.length; partition++) {
      if (owners[partition]! >= 0) starts[owners[partition]! + 1]!++;
    }
    for (let member = 0; member < this.members.length; member++) starts[member + 1]! += starts[member]!;
    const ends = starts.slice();
    const partitions = new Int32Array(starts[this.members.length]!);
    for (let partition = 0; partition < owners.length; partition++) {
      if (owners[partition]! >= 0) partitions[ends[owners[partition]!]!++] = partition;
    }
    return { starts, partitions };
  }

  #byTopic(partitions: Int32Array, start: number, end: number): Map<string, number[]> {
    const byTopic = new Map<string, number[]>();
    let position = start;
    while (position < end) {
      const topic = this.topicOf[partitions[position]!]!;
      const first = this.topicStarts[topic]!;
      const next = this.topicStarts[topic + 1]!;
      let stop = position + 1;
      while (stop < end && partitions[stop]! < next) stop++;
      // Of its final size from the start: a list that grows leaves garbage, and there may be a million of them.
      const list = new Array<number>(stop - position);
      for (let n = 0; position < stop; n++, position++) list[n] = partitions[position]! - first;
      byTopic.set(this.topicNames[topic]!, list);
    }
    return byTopic;
  }

  #classify({ lists, listOf }: DistinctSubscriptions): MemberClass[] {
    const topicsOf = lists.map((list) => {
      const numbers = list.map((topic) => this.topicTable.find(topic));
      return Int32Array.from(numbers.filter((number) => number !== undefined));
    });
    const classes: MemberClass[] = [];
    const numbers = new Map<number, number>();
    for (let member = 0; member < this.members.length; member++) {
      const rack = this.racks?.memberRacks[member] ?? 0;
      const key = rack * lists.length + listOf[member]!;
      let number = numbers.get(key);
      if (number === undefined) {
        number = classes.length;
        numbers.set(key, number);
        classes.push({ topics: topicsOf[listOf[member]!]!, rack, members: [] });
      }
      classes[number]!.members.push(member);
      this.classOf[member] = number;
    }
    return classes;
  }
}
