import type { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from "@ottla/protocol";
import type { Failure, MembershipIdentity } from "./membership-events.ts";
import type { TopicIdPartitions } from "./topic-id-partitions.ts";

/** What the rules of membership by KIP-848 depend on; times in milliseconds. Session timeout and heartbeat interval are the group's. */
export interface ConsumerMembershipSettings {
  readonly groupId: string;
  /** Null for a dynamic member. */
  readonly groupInstanceId: string | null;
  /** Null where there is none. */
  readonly rackId: string | null;
  /** The server's assignor; null for the group's own. */
  readonly serverAssignor: string | null;
  /** How long the application may take between two asks; also how long the group waits for this member to let go of partitions. */
  readonly maxPollIntervalMs: number;
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
}

/** What the group is told that this member wants to read. */
export interface GroupSubscription {
  readonly topicNames: readonly string[];
  /** A pattern that the server resolves; null for none. */
  readonly topicPattern: string | null;
}

/**
 * Where a member stands:
 * - `out`: not a member, and not asked to be one
 * - `preparing`: the application lets go of what is lost, if anything, when it next asks
 * - `ready`: the heartbeat that joins goes out as soon as the coordinator is known and the pause is over
 * - `joining`: it has gone out, or is tried again
 * - `member`
 * - `failed`: the application has to hear of an error first
 */
export type ConsumerMembershipPhase = "out" | "preparing" | "ready" | "joining" | "member" | "failed";

/** What happens to a member. Every event can be cloned. An `id` names the effect that the event answers. */
export type ConsumerMembershipEvent =
  /** The application wants to be a member. */
  | { readonly type: "subscribed" }
  /** The application has let go of what was lost, and this is what it wants to read. */
  | { readonly type: "joinPrepared"; readonly id: number; readonly subscription: GroupSubscription }
  | { readonly type: "subscriptionChanged"; readonly subscription: GroupSubscription }
  | { readonly type: "coordinatorFound"; readonly nodeId: number }
  | { readonly type: "coordinatorNotFound"; readonly failure: Failure }
  /** Somebody else (a commit) found that the coordinator has moved or is gone. */
  | { readonly type: "coordinatorLost"; readonly reason: string }
  | { readonly type: "heartbeatAnswered"; readonly id: number; readonly response: ConsumerGroupHeartbeatResponse }
  /** No answer: the connection broke, or time ran out. */
  | { readonly type: "requestFailed"; readonly id: number; readonly failure: Failure }
  /** The application has let go of what it was to let go of, has the rest, and its listeners have run. `owned`: what it has now; topics whose names are not known are left out. */
  | { readonly type: "reconciled"; readonly id: number; readonly owned: TopicIdPartitions }
  /** Topics that a reconciliation had to leave out have names now. */
  | { readonly type: "topicsResolved" }
  /** The application asks again after a failure. */
  | { readonly type: "resumed" }
  /** The application closes or unsubscribes. */
  | { readonly type: "leave" }
  /** A deadline has passed. `polledAt`: when the application last asked (now, while it waits). */
  | { readonly type: "timer"; readonly polledAt: number };

/** What a member does about it; carried out in order by the driver. Every effect can be cloned. */
export type ConsumerMembershipEffect =
  | { readonly type: "findCoordinator" }
  /** What is known of the coordinator is wrong. */
  | { readonly type: "forgetCoordinator"; readonly reason: string }
  /** When the application next asks: what it still has belongs to others, and what does it want to read? Overtakes every `prepareJoin` and `reconcile` before it. */
  | { readonly type: "prepareJoin"; readonly id: number; readonly reason: string }
  /** One at a time; answered with `heartbeatAnswered` or `requestFailed`. */
  | { readonly type: "heartbeat"; readonly id: number; readonly request: ConsumerGroupHeartbeatRequest }
  /** When the application next asks: let go of what is not in `target`, take in what is. Overtakes one that nobody has begun. */
  | { readonly type: "reconcile"; readonly id: number; readonly target: TopicIdPartitions }
  /** Tell the coordinator, and do not wait for the answer. */
  | { readonly type: "leave"; readonly request: ConsumerGroupHeartbeatRequest }
  /** The application did not ask for too long; the member has left. */
  | { readonly type: "pollTimedOut"; readonly busyMs: number }
  /** The application has to hear of it; the membership goes on. */
  | { readonly type: "tell"; readonly failure: Failure }
  /** Nothing goes on until the application has heard of it. */
  | { readonly type: "fail"; readonly failure: Failure }
  | { readonly type: "identity"; readonly identity: MembershipIdentity };

export type ConsumerEventOf<T extends ConsumerMembershipEvent["type"]> = Extract<ConsumerMembershipEvent, { type: T }>;
export type ConsumerEffectOf<T extends ConsumerMembershipEffect["type"]> = Extract<
  ConsumerMembershipEffect,
  { type: T }
>;
