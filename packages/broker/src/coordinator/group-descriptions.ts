import { errorCodes } from "@ottla/protocol";
import { ClassicGroup } from "./classic-group.ts";
import type { ClassicMember } from "./classic-member.ts";
import type { Group } from "./group.ts";
import { noBytes } from "./group-events.ts";

/** The first version of DescribeGroups that says that there is no such group; before, it is shown as dead. */
const firstVersionWithGroupNotFound = 6;

/** A group as DescribeGroups shows it. */
export interface DescribedGroup {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly groupId: string;
  readonly groupState: string;
  readonly protocolType: string;
  readonly protocolData: string;
  readonly members: readonly DescribedMember[];
}

export interface DescribedMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly memberMetadata: Uint8Array;
  readonly memberAssignment: Uint8Array;
}

/** A group as ListGroups shows it. */
export interface ListedGroup {
  readonly groupId: string;
  readonly protocolType: string;
  readonly groupState: string;
  readonly groupType: string;
}

/** DescribeGroups knows classic groups only; groups of other kinds have APIs of their own. */
export function describeGroup(group: Group | undefined, groupId: string, apiVersion: number): DescribedGroup {
  if (!(group instanceof ClassicGroup)) {
    const what = group === undefined ? "not found" : "is not a classic group";
    // Kafka's words: its tools print them.
    return missingGroup(groupId, apiVersion, `Group ${groupId} ${what}.`);
  }
  const isStable = group.state === "Stable";
  const protocol = group.protocolName ?? "";
  return {
    errorCode: 0,
    errorMessage: null,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: isStable ? protocol : "",
    members: Array.from(group.members.values(), (member) => describeMember(member, isStable ? protocol : null)),
  };
}

function describeMember(member: ClassicMember, protocol: string | null): DescribedMember {
  return {
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    memberMetadata: protocol === null ? noBytes : (member.metadata(protocol) ?? noBytes),
    memberAssignment: member.assignment,
  };
}

function missingGroup(groupId: string, apiVersion: number, message: string): DescribedGroup {
  const isError = apiVersion >= firstVersionWithGroupNotFound;
  const shown = failedDescription(groupId, isError ? errorCodes.GROUP_ID_NOT_FOUND : 0);
  return { ...shown, errorMessage: isError ? message : null, groupState: "Dead" };
}

/** DescribeGroups' answer for a group that could not be looked at. */
export function failedDescription(groupId: string, errorCode: number): DescribedGroup {
  return { errorCode, errorMessage: null, groupId, groupState: "", protocolType: "", protocolData: "", members: [] };
}

/** ListGroups' filters: states (KIP-518) and types (KIP-848) by name, whatever the case; an empty one lets everything pass, a name that nobody knows nothing. */
export class GroupFilter {
  private readonly states: ReadonlySet<string>;
  private readonly types: ReadonlySet<string>;

  constructor(states: readonly string[], types: readonly string[]) {
    this.states = new Set(states.map((state) => state.toLowerCase().trim()));
    this.types = new Set(types.map((type) => type.toLowerCase()));
  }

  matches(group: Group): boolean {
    if (this.states.size > 0 && !this.states.has(group.state.toLowerCase())) return false;
    return this.types.size === 0 || this.types.has(group.type.toLowerCase());
  }
}

/** Kafka writes states in words and types in small letters. */
export function listGroup(group: Group): ListedGroup {
  const groupType = group.type.toLowerCase();
  return { groupId: group.id, protocolType: group.protocolType, groupState: group.state, groupType };
}
