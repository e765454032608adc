import type { MetadataStore } from "./metadata-store.ts";

/** Ids that are stored as given out at a time (Kafka's `ProducerIdsBlock`): a crash skips what is left of a block. */
const blockSize = 1000;

/** Gives out producer ids, each once in the life of the cluster. */
export class ProducerIds {
  private readonly store: MetadataStore;
  private next = 0;
  private end = 0;
  private block: Promise<void> | null = null;

  constructor(store: MetadataStore) {
    this.store = store;
  }

  /** Rejects with a `MetadataUnavailableError` when no new block can be stored. */
  async allocate(): Promise<number> {
    while (this.next >= this.end) {
      this.block ??= this.takeBlock().finally(() => {
        this.block = null;
      });
      await this.block;
    }
    return this.next++;
  }

  private takeBlock(): Promise<void> {
    return this.store.change(() => {
      const first = this.store.state.nextProducerId;
      return {
        records: [{ kind: "producerIds", nextProducerId: first + blockSize }],
        finish: () => {
          this.next = first;
          this.end = first + blockSize;
        },
      };
    });
  }
}
