/** After so many immediate retries in a row there is a pause: a broker that always says no must not be asked without end. */
const maxHastyRetries = 10;

/** When the next JoinGroup may be sent. */
export class RoundPacing {
  /** Not before this. */
  at = 0;
  readonly #pause: (failures: number) => number;
  #failures = 0;
  #hastyRetries = 0;

  constructor(pause: (failures: number) => number) {
    this.#pause = pause;
  }

  /** At once, unless that has not helped for a while. */
  soon(now: number): void {
    this.at = ++this.#hastyRetries > maxHastyRetries ? now + this.#pause(++this.#failures) : now;
  }

  /** After a pause that grows with every failure. */
  later(now: number): void {
    this.at = now + this.#pause(++this.#failures);
  }

  /** A round came to its end, or all starts anew. */
  reset(now: number): void {
    this.at = now;
    this.#failures = 0;
    this.#hastyRetries = 0;
  }
}
