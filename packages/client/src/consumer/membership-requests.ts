import type { JoinGroupRequest, SyncGroupRequest } from "@ottla/protocol";
import type { JoinProtocol, MembershipSettings } from "./membership-events.ts";

/** A JoinGroup may take as long as the slowest member has; this much more for the way (Java's JOIN_GROUP_TIMEOUT_LAPSE). */
const joinLapseMs = 5_000;
/** What Kafka keeps of a reason (KIP-800). */
const maxReasonSize = 255;

export function joinRequest(
  settings: MembershipSettings,
  memberId: string,
  protocols: readonly JoinProtocol[],
  reason: string,
): JoinGroupRequest {
  return {
    groupId: settings.groupId,
    sessionTimeoutMs: settings.sessionTimeoutMs,
    rebalanceTimeoutMs: settings.maxPollIntervalMs,
    memberId,
    groupInstanceId: settings.groupInstanceId,
    protocolType: settings.protocolType,
    protocols: protocols.map(({ name, metadata }) => ({ name, metadata: asBuffer(metadata) })),
    reason: reason.slice(0, maxReasonSize),
  };
}

export function joinTimeoutMs(settings: MembershipSettings): number {
  return Math.max(settings.requestTimeoutMs, settings.maxPollIntervalMs + joinLapseMs);
}

export function syncRequest(
  settings: MembershipSettings,
  member: { memberId: string; generationId: number; protocolName: string | null },
  assignments: SyncGroupRequest["assignments"],
): SyncGroupRequest {
  return {
    groupId: settings.groupId,
    generationId: member.generationId,
    memberId: member.memberId,
    groupInstanceId: settings.groupInstanceId,
    protocolType: settings.protocolType,
    protocolName: member.protocolName,
    assignments: assignments.map(({ memberId, assignment }) => ({ memberId, assignment: asBuffer(assignment) })),
  };
}

/** After a clone a Buffer is a plain Uint8Array. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
