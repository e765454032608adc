import type { Logger, Runtime } from "@ottla/runtime";
import type { Settings } from "./config/settings.ts";
import type { GroupCoordinator } from "./coordinator/coordinator.ts";
import { FetchSessions } from "./fetch-sessions.ts";

/** A place where clients reach this broker, as a connection sees it. */
export interface NodeListener {
  /** Kafka's listener name, upper case: `PLAINTEXT`. */
  readonly name: string;
  /** Where clients are told to connect. */
  readonly host: string;
  readonly port: number;
}

export interface NodeOptions {
  readonly id: number;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly settings: Settings;
  readonly groups: GroupCoordinator;
}

/** What belongs to one broker process, whatever cluster it is in. */
export class Node {
  /** `node.id` */
  readonly id: number;
  /** `broker.rack` */
  readonly rack: string | null;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly settings: Settings;
  /** The coordinator of those groups that this broker coordinates. */
  readonly groups: GroupCoordinator;
  readonly fetchSessions: FetchSessions;
  /** Bytes of records that were read for answers and are not with the system yet: clients that do not read keep them here. */
  unsentRecordBytes = 0;
  private readonly closingListeners = new Set<() => void>();
  private isClosing = false;
  private dead = false;

  constructor({ id, runtime, logger, settings, groups }: NodeOptions) {
    this.id = id;
    this.rack = settings.text("broker.rack");
    this.runtime = runtime;
    this.logger = logger;
    this.settings = settings;
    this.groups = groups;
    this.fetchSessions = new FetchSessions(runtime, settings.number("max.incremental.fetch.session.cache.slots"));
  }

  /** True once the broker has been killed: it handles nothing more, not even what it had begun. */
  get isDead(): boolean {
    return this.dead;
  }

  /** True once the broker is shutting down: what waits is answered with what there is. */
  get closing(): boolean {
    return this.isClosing;
  }

  /** Calls back once when the broker begins to shut down. Returns the way to stop it. */
  onClosing(listener: () => void): () => void {
    this.closingListeners.add(listener);
    return () => this.closingListeners.delete(listener);
  }

  /** Nothing of what the broker does counts any more. */
  die(): void {
    this.dead = true;
  }

  /** Begins the shutdown: everything that waits is woken. */
  beginClosing(): void {
    this.isClosing = true;
    for (const listener of [...this.closingListeners]) listener();
    this.closingListeners.clear();
  }
}
