import { apis } from "@ottla/protocol";
import { KafkaError } from "../errors.ts";
import { answeredError, type ItemResult } from "./admin-errors.ts";
import { type AdminContext, Call, type CallOptions, checkOptions } from "./call.ts";
import { allBrokers } from "./cluster.ts";
import { describeGroups, type MemberDescription } from "./describe-groups.ts";
import { drive, valuesOf } from "./drive.ts";
import { coordinatorRoute, nodeRoute } from "./routes.ts";
import { type GroupState, type GroupType, groupState, groupType } from "./wire-names.ts";

/** A group as a listing has it. */
export interface GroupListing {
  readonly groupId: string;
  /** `"consumer"`; empty for a group that only has committed offsets. */
  readonly protocolType: string;
  /** `"Unknown"` before Kafka 2.6. */
  readonly state: GroupState;
  readonly type: GroupType;
}

export interface ListGroupsOptions extends CallOptions {
  /** Only groups in one of these states (KIP-518, Kafka 2.6). */
  readonly states?: readonly GroupState[] | undefined;
  /** Only groups of one of these types (KIP-848, Kafka 3.8). */
  readonly types?: readonly GroupType[] | undefined;
  /** Only groups with one of these protocol types: `["", "consumer"]` for those that consumers can be in. */
  readonly protocolTypes?: readonly string[] | undefined;
}

/** A member to remove: a static one by its instance id, or one by its member id. */
export type MemberToRemove = { readonly groupInstanceId: string } | { readonly memberId: string };

export interface RemoveMembersOptions extends CallOptions {
  /** Why, for the broker's log (KIP-800, Kafka 3.2). */
  readonly reason?: string | undefined;
}

export async function listGroups(context: AdminContext, options: ListGroupsOptions): Promise<GroupListing[]> {
  checkOptions("listGroups", options, ["states", "types", "protocolTypes"]);
  const call = new Call(context, "listGroups", options);
  const { states = [], types = [], protocolTypes } = options;
  const brokers = (await allBrokers(call)).map(({ nodeId }) => nodeId);
  const body = (version: number) => ({
    ...(version >= 4 ? { statesFilter: states } : {}),
    ...(version >= 5 ? { typesFilter: types } : {}),
  });
  const minVersion = needsTypes(types) ? 5 : states.length > 0 ? 4 : 0;
  const perBroker = await drive<number, GroupListing[]>(call, brokers, {
    route: nodeRoute(call, (id) => id),
    api: null,
    ask: async (target, [brokerId = -1]) => {
      const { response } = await call.send(target, apis.listGroups, body, { minVersion });
      if (response.errorCode !== 0)
        return new Map([
          [brokerId, answeredError(response.errorCode, `Could not list the groups of broker ${brokerId}`)],
        ]);
      const groups = response.groups.map(({ groupId, protocolType, groupState: state, groupType: type }) => ({
        ...{ groupId, protocolType, state: groupState(state), type: groupType(type) },
      }));
      return new Map([[brokerId, groups]]);
    },
  });
  // While a coordinator moves, two brokers may name a group.
  const groups = new Map(perBroker.flat().map((group) => [group.groupId, group]));
  return [...groups.values()]
    .filter(({ protocolType }) => protocolTypes?.includes(protocolType) ?? true)
    .sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
}

/** Whether types have to be asked for: a broker that does not know of types has classic groups alone, which is what all groups of consumers are there. */
function needsTypes(types: readonly GroupType[]): boolean {
  const isOfConsumers = types.every((type) => type === "Classic" || type === "Consumer");
  return types.length > 0 && !(isOfConsumers && types.includes("Classic"));
}

export async function deleteGroups(
  context: AdminContext,
  groupIds: readonly string[],
  options: CallOptions,
): Promise<void> {
  checkOptions("deleteGroups", options);
  const call = new Call(context, "deleteConsumerGroups", options);
  await drive<string, null>(call, groupIds, {
    route: coordinatorRoute(call),
    api: "DELETE_GROUPS",
    ask: async (target, groupsNames) => {
      const { response } = await call.send(target, apis.deleteGroups, { groupsNames });
      return new Map(
        response.results.map(({ groupId, errorCode }) => [
          groupId,
          errorCode === 0 ? null : answeredError(errorCode, `Could not delete group ${groupId}`),
        ]),
      );
    },
  });
}

export async function removeMembers(
  context: AdminContext,
  groupId: string,
  members: readonly MemberToRemove[] | "all",
  options: RemoveMembersOptions,
): Promise<void> {
  checkOptions("removeMembers", options, ["reason"]);
  const call = new Call(context, "removeMembersFromConsumerGroup", options);
  const some = members === "all" ? await everybody(context, call, groupId) : members;
  if (some.length === 0) return;
  const reason = options.reason === undefined ? defaultReason : `${defaultReason}: ${options.reason}`;
  const wire = some.map((member) => ({
    memberId: "memberId" in member ? member.memberId : "",
    groupInstanceId: "groupInstanceId" in member ? member.groupInstanceId : null,
    reason: reason.slice(0, 255),
  }));
  const [answered] = await drive(call, [groupId], {
    route: coordinatorRoute(call),
    api: "LEAVE_GROUP",
    ask: async (target) => {
      const { response } = await call.send(target, apis.leaveGroup, { groupId, members: wire }, { minVersion: 3 });
      if (response.errorCode !== 0)
        throw answeredError(response.errorCode, `Could not remove members of group ${groupId}`);
      return new Map([[groupId, response.members]]);
    },
  });
  valuesOf(
    some.map((item): ItemResult<MemberToRemove, null> => {
      const answer = answered?.find(({ memberId, groupInstanceId }) =>
        "groupInstanceId" in item ? groupInstanceId === item.groupInstanceId : memberId === item.memberId,
      );
      if (answer?.errorCode === 0) return { item, value: null, error: null };
      const name = "groupInstanceId" in item ? item.groupInstanceId : item.memberId;
      const what = `Could not remove member ${name} of group ${groupId}`;
      const error =
        answer === undefined
          ? new KafkaError(`${what}: the broker's answer left it out`, { code: "INVALID_RESPONSE" })
          : answeredError(answer.errorCode, what);
      return { item, value: null, error };
    }),
  );
}

/** As the Java client words it (KIP-800), so that brokers' logs read the same. */
const defaultReason = "member was removed by an admin";

async function everybody(context: AdminContext, call: Call, groupId: string): Promise<MemberToRemove[]> {
  const [group] = await describeGroups(context, [groupId], { timeoutMs: call.remainingMs, signal: call.signal });
  return (group?.members ?? []).map(({ memberId, groupInstanceId }: MemberDescription) =>
    groupInstanceId === null ? { memberId } : { groupInstanceId },
  );
}
