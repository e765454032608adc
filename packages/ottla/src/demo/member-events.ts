/** What a member of the walk-through tells the one who started it: a JSON object a line on its standard output. */
export type MemberEvent =
  | { readonly event: "assigned"; readonly partitions: readonly number[] }
  | { readonly event: "revoked"; readonly partitions: readonly number[]; readonly committed: number }
  | { readonly event: "handled"; readonly partition: number; readonly offset: number; readonly key: string | null }
  | { readonly event: "failed"; readonly message: string };

/** How a member is started: the argument of the hidden command `demo-member`, as JSON. */
export interface MemberOptions {
  readonly bootstrapServers: string;
  readonly topic: string;
  readonly groupId: string;
  readonly name: string;
  readonly strategy: "range" | "roundrobin";
  /** When it commits: after each message, or only before it gives partitions up. */
  readonly commit: "each" | "revoked";
}
