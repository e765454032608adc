/** What a member of the walk-through tells the one who started it: a JSON array `[number of the member, event]` a line on its process's standard output. */
export type MemberEvent = ChangeEvent | HandledEvent | { readonly event: "failed"; readonly message: string };

/** It was given partitions, or had to let go of some. */
export interface ChangeEvent {
  readonly event: "assigned" | "revoked";
  readonly partitions: readonly number[];
  /** Everything that it owns then, in order. */
  readonly owned: readonly number[];
  /** How many messages it had handled by then. */
  readonly handled: number;
  /** When, in milliseconds since 1970. */
  readonly at: number;
}

export interface HandledEvent {
  readonly event: "handled";
  readonly partition: number;
  readonly offset: number;
  readonly at: number;
}

/** The ways to share partitions out that the walk-through shows: a client's assignors, one of its own, and KIP-848, where the broker assigns. */
export type Strategy = "range" | "roundrobin" | "sticky" | "cooperative-sticky" | "weighted" | "KIP-848";

/** How a member is started. The argument of the hidden command `demo-member` is a JSON array of these: one for each member in the process. */
export interface MemberOptions {
  readonly bootstrapServers: string;
  readonly topic: string;
  readonly groupId: string;
  readonly name: string;
  readonly strategy: Strategy;
  /** When it commits: after each message, only before it gives partitions up, or by itself now and then. */
  readonly commit: "each" | "revoked" | "auto";
  /** Both not for KIP-848, where they are the broker's business. */
  readonly heartbeatIntervalMs: number;
  readonly sessionTimeoutMs: number;
  /** Makes it a static member. */
  readonly groupInstanceId?: string;
  /** How long it takes to put its work away before it lets go of partitions. */
  readonly lettingGoMs?: number;
  /** Its share, for the weighted strategy. */
  readonly weight?: number;
}
