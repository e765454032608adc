import type { ProducerIdentity } from "./partition-queue.ts";

const highestEpoch = 32767;
const nobody: ProducerIdentity = { id: -1, epoch: -1 };

/** A partition's sequences. */
interface Restartable {
  restart(identity: ProducerIdentity): void;
}

/** The producer's id and epoch. */
export class IdentityKeeper {
  #current = nobody;
  #isAsking = false;
  /** Partitions whose sequences start anew as soon as there is an id again. */
  readonly #restarting = new Set<Restartable>();

  get current(): ProducerIdentity {
    return this.#current;
  }

  get isKnown(): boolean {
    return this.#current.id >= 0;
  }

  /** Whether the cluster has to be asked for an id, which is said once until it was given or refused. */
  ask(): boolean {
    if (this.#isAsking || this.isKnown) return false;
    this.#isAsking = true;
    return true;
  }

  identified(identity: ProducerIdentity): void {
    this.#isAsking = false;
    this.#current = identity;
    for (const queue of this.#restarting) queue.restart(identity);
    this.#restarting.clear();
  }

  failed(): void {
    this.#isAsking = false;
  }

  /**
   * A new epoch lets a partition start at sequence 0 without a doubt (KIP-360); the others follow when nothing of theirs is on its way. The highest epoch is followed by a new id.
   */
  raiseEpoch(queue: Restartable): void {
    const { id, epoch } = this.#current;
    if (id < 0 || epoch >= highestEpoch) {
      this.#current = nobody;
      this.#restarting.add(queue);
      return;
    }
    this.#current = { id, epoch: epoch + 1 };
    queue.restart(this.#current);
  }
}
