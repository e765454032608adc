import type { JoinGroupRequest, JoinGroupResponse, SyncGroupRequest, SyncGroupResponse } from "@ottla/protocol";

/** What the rules of membership depend on; times in milliseconds. */
export interface MembershipSettings {
  readonly groupId: string;
  /** Null for a dynamic member. */
  readonly groupInstanceId: string | null;
  readonly protocolType: string;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** How long the application may take between two asks; also how long the group waits for this member to rejoin. */
  readonly maxPollIntervalMs: number;
  readonly requestTimeoutMs: number;
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
}

/**
 * Where a member stands:
 * - `out`: not a member, and not asked to be one
 * - `waiting`: a round is called for, and the coordinator has to be found first
 * - `preparing`: the application lets go of its partitions when it next asks
 * - `ready`: JoinGroup goes out as soon as the coordinator is known and the pause is over
 * - `joining`, `assigning`, `syncing`: the round itself
 * - `completing`: the application has yet to take its assignment
 * - `stable`
 * - `failed`: the application has to hear of an error first
 */
export type MembershipPhase =
  | "out"
  | "waiting"
  | "preparing"
  | "ready"
  | "joining"
  | "assigning"
  | "syncing"
  | "completing"
  | "stable"
  | "failed";

/** Who this member is at the moment: what commits are signed with. */
export interface MembershipIdentity {
  /** Empty while the coordinator has given none. */
  readonly memberId: string;
  /** -1 while it is part of no generation. */
  readonly generationId: number;
  /** `stable`: part of a generation; `rebalancing`: between two; `out`: not a member. */
  readonly standing: "stable" | "rebalancing" | "out";
  /** Where partitions are kept from one generation or epoch to the next (cooperative rebalancing, KIP-848): which stay in the group this is. Another begins when all was lost. */
  readonly stay?: number;
}

/** One protocol (assignor) that the member brings, with its subscription encoded. */
export interface JoinProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

/** A JoinGroup less the protocols, which are made when it is sent: they tell what the member owns then. */
export type JoinRequest = Omit<JoinGroupRequest, "protocols">;

/**
 * What to let go of before a round:
 * - `some`: what the protocol demands: everything (eager), or what is not subscribed to any more (cooperative)
 * - `all`: everything: the coordinator may have begun a generation that this member knows nothing of
 * - `lost`: everything, and it belongs to others already
 */
export type PrepareScope = "some" | "all" | "lost";

/**
 * What happens to a member. Every event can be cloned. An `id` names the effect that the event answers: what answers an effect that has been
 * overtaken is ignored.
 */
export type MembershipEvent =
  /** The application wants to be a member. */
  | { readonly type: "subscribed" }
  /** Something calls for another round: the subscription or the topics changed, or the application wants it. */
  | { readonly type: "rejoinNeeded"; readonly reason: string }
  /** The application has let go of what it had, or has told its listener of the loss. */
  | { readonly type: "joinPrepared"; readonly id: number }
  | { readonly type: "coordinatorFound"; readonly nodeId: number }
  | { readonly type: "coordinatorNotFound"; readonly failure: Failure }
  /** Somebody else (a commit) found that the coordinator has moved or is gone. */
  | { readonly type: "coordinatorLost"; readonly reason: string }
  | { readonly type: "joinAnswered"; readonly id: number; readonly response: JoinGroupResponse }
  | {
      readonly type: "assignmentMade";
      readonly id: number;
      readonly assignments: SyncGroupRequest["assignments"];
    }
  | { readonly type: "assignmentFailed"; readonly id: number; readonly message: string }
  | { readonly type: "syncAnswered"; readonly id: number; readonly response: SyncGroupResponse }
  | { readonly type: "heartbeatAnswered"; readonly id: number; readonly errorCode: number }
  /** No answer: the connection broke, or time ran out. */
  | { readonly type: "requestFailed"; readonly id: number; readonly failure: Failure }
  /** The application has the assignment, and its listener has run. */
  | { readonly type: "assignmentTaken"; readonly id: number }
  /** A commit of that generation was refused. */
  | {
      readonly type: "commitRefused";
      readonly errorCode: number;
      readonly memberId: string;
      readonly generationId: number;
    }
  /** The application asks again after a failure. */
  | { readonly type: "resumed" }
  /** The application closes or unsubscribes. */
  | { readonly type: "leave"; readonly reason: string }
  /** A deadline has passed. `polledAt`: when the application last asked (now, while it waits). */
  | { readonly type: "timer"; readonly polledAt: number };

/** Why a request brought no usable answer. */
export interface Failure {
  /** Kafka's code; null where no broker gave one. */
  readonly errorCode: number | null;
  readonly message: string;
  /** The message says by itself what was tried, and what came of it. */
  readonly isWhole?: boolean;
  /** Whether trying again may help. */
  readonly retriable: boolean;
}

/** What a member does about it; carried out in order by the driver. Every effect can be cloned. */
export type MembershipEffect =
  | { readonly type: "findCoordinator" }
  /** What is known of the coordinator is wrong. */
  | { readonly type: "forgetCoordinator"; readonly reason: string }
  /** Let go of what is to be let go of when the application next asks; overtakes an earlier one and an `assigned` that is still waiting. */
  | { readonly type: "prepareJoin"; readonly id: number; readonly scope: PrepareScope; readonly reason: string }
  | {
      readonly type: "join";
      readonly id: number;
      readonly timeoutMs: number;
      /** The generation that this member has joined, whether or not it has heard of its assignment; -1 for none. */
      readonly generationId: number;
      readonly request: JoinRequest;
    }
  /** This member leads the group: run the assignor (or only watch the topics, with `skipAssignment`). */
  | {
      readonly type: "assign";
      readonly id: number;
      readonly generationId: number;
      readonly protocolName: string;
      readonly members: JoinGroupResponse["members"];
      readonly skipAssignment: boolean;
    }
  | { readonly type: "sync"; readonly id: number; readonly request: SyncGroupRequest }
  | { readonly type: "heartbeat"; readonly id: number; readonly memberId: string; readonly generationId: number }
  /** The new assignment, for when the application next asks. */
  | {
      readonly type: "assigned";
      readonly id: number;
      readonly generationId: number;
      readonly protocolName: string;
      readonly isLeader: boolean;
      readonly assignment: Uint8Array;
    }
  /** Tell the coordinator, and do not wait. `overtakes`: a JoinGroup is parked on the coordinator's connection. */
  | { readonly type: "leave"; readonly memberId: string; readonly reason: string; readonly overtakes: boolean }
  /** The application did not ask for too long; the member has left. */
  | { readonly type: "pollTimedOut"; readonly busyMs: number }
  /** Nothing goes on until the application has heard of it. */
  | { readonly type: "fail"; readonly failure: Failure }
  | { readonly type: "identity"; readonly identity: MembershipIdentity };

export type EventOf<T extends MembershipEvent["type"]> = Extract<MembershipEvent, { type: T }>;
export type EffectOf<T extends MembershipEffect["type"]> = Extract<MembershipEffect, { type: T }>;
