import { assert } from "@ottla/runtime";
import type { GroupProtocol } from "./group-protocol.ts";
import { javaHashBucket } from "./java-hash.ts";

/** Which protocols the members of a classic group know, and which one they would choose. */
export class ProtocolVotes {
  /** How many members know each protocol. */
  private readonly counts = new Map<string, number>();

  add(protocols: readonly GroupProtocol[]): void {
    for (const { name } of protocols) this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  remove(protocols: readonly GroupProtocol[]): void {
    for (const { name } of protocols) {
      const count = this.counts.get(name)! - 1;
      if (count === 0) this.counts.delete(name);
      else this.counts.set(name, count);
    }
  }

  /** Whether all of so many members know the protocol. */
  isCommon(name: string, memberCount: number): boolean {
    return (this.counts.get(name) ?? 0) === memberCount;
  }

  /** The protocol that most of the members like best among those that all of them know. Each member's list is in its order of preference. */
  select(members: readonly (readonly GroupProtocol[])[]): string {
    const known = new Map<string, number>();
    for (const protocols of members) for (const { name } of protocols) known.set(name, (known.get(name) ?? 0) + 1);
    const votes = new Map<string, number>();
    for (const protocols of members) {
      const vote = protocols.find(({ name }) => known.get(name) === members.length);
      assert(vote !== undefined, "all members have a protocol in common");
      votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1);
    }
    let best: string | null = null;
    for (const [name, count] of votes) {
      const lead = count - (best === null ? 0 : votes.get(best)!);
      if (best === null || lead > 0 || (lead === 0 && javaHashBucket(name) < javaHashBucket(best))) best = name;
    }
    assert(best !== null, "a group that selects a protocol has members");
    return best;
  }
}
