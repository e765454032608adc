/** The different lists of topics among the members': most members have one of a few, which is then looked at once. */
export class DistinctSubscriptions {
  /** Each without repetitions. The same topics in another order are another list. */
  readonly lists: readonly (readonly string[])[];
  /** The number of each member's list. */
  readonly listOf: readonly number[];

  constructor(members: readonly { readonly topics: readonly string[] }[]) {
    const lists: (readonly string[])[] = [];
    const byStart = new Map<string, number[]>();
    this.listOf = members.map(({ topics }) => {
      const start = `${topics.length} ${topics[0]} ${topics.at(-1)}`;
      const alike = byStart.get(start) ?? [];
      for (const number of alike) if (isSame(lists[number]!, topics)) return number;
      const number = lists.push(topics) - 1;
      byStart.set(start, [...alike, number]);
      return number;
    });
    this.lists = lists.map((list) => [...new Set(list)]);
  }

  /** All topics that are named. */
  topics(): string[] {
    const topics = new Set<string>();
    for (const list of this.lists) for (const topic of list) topics.add(topic);
    return [...topics];
  }

  /** Whether all lists have the same topics, in whatever order. */
  areAlike(): boolean {
    const [first = [], ...others] = this.lists;
    const topics = new Set(first);
    return others.every((other) => other.length === topics.size && other.every((topic) => topics.has(topic)));
  }

  /** The members that have each topic, in their order; topics with the same members share the list. */
  subscribers(): Map<string, readonly number[]> {
    const members = this.lists.map((): number[] => []);
    this.listOf.forEach((list, member) => {
      members[list]!.push(member);
    });
    const listsOf = new Map<string, number[]>();
    this.lists.forEach((topics, list) => {
      for (const topic of topics) {
        const known = listsOf.get(topic);
        if (known === undefined) listsOf.set(topic, [list]);
        else known.push(list);
      }
    });
    const merged = new Map<string, readonly number[]>();
    const subscribers = new Map<string, readonly number[]>();
    for (const [topic, lists] of listsOf) {
      const key = lists.join();
      const all = merged.get(key) ?? lists.flatMap((list) => members[list]!).sort((a, b) => a - b);
      merged.set(key, all);
      subscribers.set(topic, all);
    }
    return subscribers;
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let n = 0; n < a.length; n++) if (a[n] !== b[n]) return false;
  return true;
}
