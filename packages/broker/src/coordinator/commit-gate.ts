/** An answer that waits until what it rests on is below the high watermark. */
export interface HeldAnswer {
  deliver(): void;
  refuse(errorCode: number): void;
}

/**
 * Counts appends, and holds answers back until the last append before them is committed. Appends are committed in order, so one that is known to be means
 * that those before it are.
 */
export class CommitGate {
  private begun = 0;
  private committed = 0;
  private held: { readonly append: number; readonly answer: HeldAnswer }[] = [];

  /** Whether everything that was appended is committed: answers need not wait. */
  get isOpen(): boolean {
    return this.committed === this.begun;
  }

  /** Returns the number of a new append. */
  begin(): number {
    return ++this.begun;
  }

  /** The last append has not taken place. */
  takeBack(): void {
    this.begun--;
  }

  /** Delivers the answer, now or once all that has been appended so far is committed. */
  pass(answer: HeldAnswer): void {
    if (this.isOpen) answer.deliver();
    else this.held.push({ append: this.begun, answer });
  }

  commit(append: number): void {
    if (append <= this.committed) return;
    this.committed = append;
    let count = 0;
    while (count < this.held.length && this.held[count]!.append <= append) count++;
    if (count === 0) return;
    const released = this.held;
    this.held = released.slice(count);
    for (let n = 0; n < count; n++) released[n]!.answer.deliver();
  }

  /** Refuses whatever waits, and begins anew. */
  reset(errorCode: number): void {
    const { held } = this;
    this.held = [];
    this.committed = this.begun;
    for (const { answer } of held) answer.refuse(errorCode);
  }
}
