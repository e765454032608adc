/** What can be set for one group (Kafka's `GroupConfig`), milliseconds all. A provider answers with what holds at present, the broker's value where the group has none. */
export interface GroupSettings {
  /** `consumer.session.timeout.ms` */
  readonly consumerSessionTimeoutMs: number;
  /** `consumer.heartbeat.interval.ms`: how often members of KIP-848 groups are told to send a heartbeat. */
  readonly consumerHeartbeatIntervalMs: number;
  /** `consumer.assignment.interval.ms`: the shortest time between two target assignments of a group, so that members who come together are assigned together. */
  readonly consumerAssignmentIntervalMs: number;
}

/** Called for every heartbeat: it must be cheap, and best gives the same object while nothing changes. */
export type GroupSettingsProvider = (groupId: string) => GroupSettings;

/** Kafka's defaults. */
export const defaultGroupSettings: GroupSettings = Object.freeze({
  consumerSessionTimeoutMs: 45_000,
  consumerHeartbeatIntervalMs: 5_000,
  consumerAssignmentIntervalMs: 1_000,
});
