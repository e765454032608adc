/** What a setting of a group does here, in a sentence; what is missing is accepted and has no effect. DescribeConfigs shows these texts. */
export const groupDocumentation: Readonly<Record<string, string | undefined>> = {
  "consumer.assignment.interval.ms":
    "The shortest time between two assignments: members who come together are assigned together.",
  "consumer.heartbeat.interval.ms": "How often the members send a heartbeat.",
  "consumer.session.timeout.ms": "How long a member may be silent before it is taken for dead.",
};
