import { describe, expect, it } from "vitest";
import {
  newReplicas,
  type PartitionReplicas,
  withAnyLeader,
  withBroker,
  withoutBroker,
  withPreferredLeader,
} from "./partition-replicas.ts";

/** A partition whose brokers come and go. */
class Story {
  state: PartitionReplicas;
  private readonly up: Set<number>;
  private readonly minIsr: number;

  constructor(replicas: readonly number[], minIsr = 1, up: readonly number[] = replicas) {
    this.up = new Set(up);
    this.minIsr = Math.min(minIsr, replicas.length);
    this.state = newReplicas(replicas, (id) => this.up.has(id));
  }

  private get rules() {
    return { minIsr: this.minIsr, isUp: (id: number) => this.up.has(id) };
  }

  down(id: number): string {
    this.up.delete(id);
    return this.now(withoutBroker(this.state, id, this.rules));
  }

  back(id: number): string {
    this.up.add(id);
    return this.now(withBroker(this.state, id, this.rules));
  }

  preferred(): string {
    return this.now(withPreferredLeader(this.state, this.rules));
  }

  unclean(): string {
    return this.now(withAnyLeader(this.state, this.rules));
  }

  now(state = this.state): string {
    this.state = state;
    const { leader, isr, elr, lastKnownElr } = state;
    return `leader ${leader} isr ${isr} elr ${elr} last ${lastKnownElr}`;
  }
}

describe("the replicas of a partition", () => {
  it("are led by the next one in sync, and by the first again when it is asked for", () => {
    const story = new Story([3, 1, 2]);
    expect(story.now()).toBe("leader 3 isr 3,1,2 elr  last ");
    expect(story.preferred()).toBe("leader 3 isr 3,1,2 elr  last ");
    expect(story.down(3)).toBe("leader 1 isr 1,2 elr  last ");
    expect(story.preferred()).toBe("leader 1 isr 1,2 elr  last ");
    expect(story.down(2)).toBe("leader 1 isr 1 elr  last ");
    expect(story.back(3)).toBe("leader 1 isr 1,3 elr  last ");
    expect(story.back(2)).toBe("leader 1 isr 1,2,3 elr  last ");
    expect(story.preferred()).toBe("leader 3 isr 1,2,3 elr  last ");
  });

  it("wait for the last one that was in sync", () => {
    const story = new Story([1, 2]);
    story.down(2);
    expect(story.down(1)).toBe("leader -1 isr  elr 1 last 1");
    expect(story.back(2)).toBe("leader -1 isr  elr 1 last 1");
    expect(story.back(1)).toBe("leader 1 isr 1,2 elr  last ");
  });

  it("may be led by any that left while the ISR was too small", () => {
    const story = new Story([1, 2, 3], 2);
    story.down(1);
    expect(story.down(2)).toBe("leader 3 isr 3 elr 2 last ");
    expect(story.down(3)).toBe("leader -1 isr  elr 2,3 last 3");
    expect(story.back(1)).toBe("leader -1 isr  elr 2,3 last 3");
    expect(story.back(2)).toBe("leader 2 isr 1,2 elr  last ");
    expect(story.back(3)).toBe("leader 2 isr 1,2,3 elr  last ");
  });

  it("are led by one that may lack something only when that is asked for", () => {
    const story = new Story([1, 2]);
    story.down(2);
    story.down(1);
    story.back(2);
    expect(story.preferred()).toBe("leader -1 isr  elr 1 last 1");
    expect(story.unclean()).toBe("leader 2 isr 2 elr  last ");
    expect(story.back(1)).toBe("leader 2 isr 1,2 elr  last ");
  });

  it("begin with those whose brokers are up", () => {
    const story = new Story([2, 1, 3], 1, [1, 3]);
    expect(story.now()).toBe("leader 1 isr 1,3 elr  last ");
    expect(story.back(2)).toBe("leader 1 isr 1,2,3 elr  last ");
    expect(story.down(9)).toBe("leader 1 isr 1,2,3 elr  last ");
  });
});
