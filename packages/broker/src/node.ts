import type { Logger, Runtime } from "@ottla/runtime";

/** A place where clients reach this broker. */
export interface NodeListener {
  /** Kafka's listener name, upper case: `PLAINTEXT`. */
  readonly name: string;
  /** Where clients are told to connect (`advertised.listeners`). */
  readonly host: string;
  readonly port: number;
}

/** What belongs to one broker process, whatever cluster it is in. */
export interface Node {
  /** `node.id` */
  readonly id: number;
  /** `broker.rack` */
  readonly rack: string | null;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly listeners: readonly NodeListener[];
}
