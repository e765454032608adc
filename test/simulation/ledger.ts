/**
 * What a client may rely on. A fact has one value for sure, and while a change of it is under way, or when nobody knows what became of one, others that are possible.
 */
export class Ledger {
  readonly #facts = new Map<string, { sure: string; possible: Set<string> }>();

  /** A change is being tried: from now on the new value is possible. */
  trying(fact: string, value: unknown): void {
    this.#get(fact).possible.add(String(value));
  }

  /** The change was acknowledged: nothing else is possible any more. */
  done(fact: string, value: unknown): void {
    this.#facts.set(fact, { sure: String(value), possible: new Set([String(value)]) });
  }

  /** What can be seen now; null where that is possible, else what is wrong. */
  check(fact: string, found: unknown): string | null {
    const { sure, possible } = this.#get(fact);
    if (possible.has(String(found))) return null;
    return `${fact}: found ${found}, acknowledged was ${sure}, possible ${[...possible].join(" or ")}`;
  }

  #get(fact: string): { sure: string; possible: Set<string> } {
    let known = this.#facts.get(fact);
    if (known === undefined) {
      known = { sure: "nothing", possible: new Set(["nothing"]) };
      this.#facts.set(fact, known);
    }
    return known;
  }
}
