import type { ClientCore } from "../client-core.ts";
import type { KafkaError } from "../errors.ts";
import type { ConsumerSettings } from "./consumer-config.ts";
import type { MembershipIdentity } from "./membership-events.ts";
import type { Offsets } from "./offsets.ts";
import type { Subscription } from "./subscription.ts";
import type { TopicPartition } from "./topic-partition.ts";

/**
 * Told, and awaited, when partitions come and go. Called when the application asks for the next message or batch, or when it closes or unsubscribes. Kafka's
 * ConsumerRebalanceListener.
 */
export interface RebalanceListener {
  /** Before partitions are let go of: the last moment to commit. None of their records is handed out any more. */
  onPartitionsRevoked?(partitions: readonly TopicPartition[]): Promise<void> | void;
  /** After partitions have come, before anything of them is handed out: the place for `seek`. */
  onPartitionsAssigned?(partitions: readonly TopicPartition[]): Promise<void> | void;
  /** Partitions belong to others already: a commit would fail. Left out, `onPartitionsRevoked` is called instead. */
  onPartitionsLost?(partitions: readonly TopicPartition[]): Promise<void> | void;
}

/** What a membership needs of the consumer. */
export interface GroupHost {
  /** There is something to do when the application next asks. */
  attention(): void;
  /** Nothing of these partitions is handed out any more. */
  stop(partitions: readonly TopicPartition[]): void;
  /** Commits what is finished, where the consumer is to do so. Does not reject. */
  commitFinished(): Promise<void>;
  /** Resolves once no commit is under way. */
  commitsSettled(): Promise<void>;
  /** Partitions have come (held until `settled`), and their listener has run. */
  settled(): void;
  setIdentity(identity: MembershipIdentity): void;
  pollTimedOut(busyMs: number): void;
  /** When the application last asked (monotonic); now, while it waits. */
  polledAt(): number;
  /** Calls the application's listener. */
  runListener(call: () => Promise<void> | void): Promise<void>;
  report(event: "assigned" | "revoked" | "lost", partitions: readonly TopicPartition[]): void;
}

export interface GroupMembershipOptions {
  readonly core: ClientCore;
  readonly settings: ConsumerSettings;
  readonly groupId: string;
  readonly offsets: Offsets;
  readonly host: GroupHost;
}

/**
 * The application's side of a membership, of either protocol: the subscription, the listener, what partitions come and go. What the membership wants from the application waits
 * in `hasTask` until it asks.
 */
export interface GroupMembership {
  readonly subscription: Subscription | null;

  /** The generation of the last assignment that the application has taken, -1 while it has none; left out where that is the identity's. */
  readonly takenGenerationId?: number;

  /** Takes the place of an earlier subscription. */
  subscribe(subscription: Subscription, listener: RebalanceListener | undefined): void;

  /** Another round, where the protocol has members call for one; at the latest when the application asks next but one. */
  rejoin(reason: string): void;

  /** Whether the application has to give something of its time, or to hear of something. */
  readonly hasTask: boolean;

  /** Does one thing that waits for the application; rejects with what it has to hear of. */
  runTask(): Promise<void>;

  /** The application asks (again): after an error the membership goes on. */
  resume(): void;

  /** Lets go of everything, after the listener has heard of it, and leaves the group. Rejects with what the listener failed with, after having left. */
  leave(reason: string, standing: MembershipIdentity["standing"]): Promise<void>;

  /** Stops at once. */
  close(error: KafkaError): void;

  /** Somebody else (a commit) found that the coordinator has moved or is gone. */
  coordinatorLost(reason: string): void;

  /** A commit that was signed so was refused. */
  commitRefused(errorCode: number, identity: MembershipIdentity): void;

  /** Metadata have changed: the group may have to be told. */
  metadataChanged(): void;
}
