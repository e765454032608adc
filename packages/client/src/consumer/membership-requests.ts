import type { JoinGroupRequest, JoinGroupResponse, SyncGroupRequest } from "@ottla/protocol";
import type { EffectOf, JoinProtocol, JoinRequest, MembershipSettings } from "./membership-events.ts";

/** A JoinGroup may take as long as the slowest member has; this much more for the way (Java's JOIN_GROUP_TIMEOUT_LAPSE). */
const joinLapseMs = 5_000;
/** What Kafka keeps of a reason (KIP-800). */
const maxReasonSize = 255;

/** A JoinGroup of this member, as of the generation that it has joined (-1 for none). */
export function joinEffect(
  id: number,
  settings: MembershipSettings,
  memberId: string,
  generationId: number,
  reason: string,
): EffectOf<"join"> {
  const request = joinRequest(settings, memberId, reason);
  const timeoutMs = Math.max(settings.requestTimeoutMs, settings.maxPollIntervalMs + joinLapseMs);
  return { type: "join", id, timeoutMs, generationId, request };
}

/** What the leader of a round has to do. */
export function assignEffect(id: number, response: JoinGroupResponse): EffectOf<"assign"> {
  const { generationId, protocolName, members, skipAssignment } = response;
  return { type: "assign", id, generationId, protocolName: protocolName ?? "", members, skipAssignment };
}

function joinRequest(settings: MembershipSettings, memberId: string, reason: string): JoinRequest {
  return {
    groupId: settings.groupId,
    sessionTimeoutMs: settings.sessionTimeoutMs,
    rebalanceTimeoutMs: settings.maxPollIntervalMs,
    memberId,
    groupInstanceId: settings.groupInstanceId,
    protocolType: settings.protocolType,
    reason: reason.slice(0, maxReasonSize),
  };
}

export function withProtocols(request: JoinRequest, protocols: readonly JoinProtocol[]): JoinGroupRequest {
  return { ...request, protocols: protocols.map(({ name, metadata }) => ({ name, metadata: asBuffer(metadata) })) };
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
