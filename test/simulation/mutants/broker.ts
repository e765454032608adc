import type { Mutant } from "./mutant.ts";

const log = "packages/broker/src/log";
const coordinator = "packages/broker/src/coordinator";

/** Bugs of the broker. */
export const brokerMutants: readonly Mutant[] = [
  {
    name: "reply-before-write",
    what: "a produced record is acknowledged before it is written",
    workload: "classic-eager",
    edits: [
      {
        file: `${log}/live-log.ts`,
        find: "if (endOffset <= reached) {",
        replace: "if (endOffset <= reached || records.length > 0) {",
      },
      {
        file: `${log}/live-log.ts`,
        find: "      done(outcome);\n      return;",
        replace:
          "      done(outcome);\n      if (endOffset > reached) this.#environment.runtime.clock.setTimer(20, () => this.writeQueued());\n      return;",
      },
    ],
  },
  {
    name: "reply-before-sync",
    what: "with flush=always a record is acknowledged before it is synced",
    workload: "classic-eager",
    edits: [
      {
        file: `${log}/live-log.ts`,
        find: "this.#waiters.add(options.acks, endOffset, outcome, done);",
        replace: 'this.#waiters.add("written", endOffset, outcome, done);',
      },
    ],
  },
  {
    name: "fetch-past-high-watermark",
    what: "readers get records that are not committed yet",
    workload: "classic-eager",
    edits: [
      {
        file: `${log}/live-log.ts`,
        find: 'if (isolation === "uncommitted") return this.#highWatermark;',
        replace: 'if (isolation === "uncommitted") return this.log.written;',
      },
    ],
  },
  {
    name: "no-deduplication",
    what: "a batch that is sent again is appended again",
    workload: "classic-eager",
    edits: [
      {
        file: `${log}/producer-state.ts`,
        find: "if (entry === undefined) return null;\n    if (isClient) {",
        replace: "if (entry !== null) return null;\n    if (isClient) {",
      },
    ],
  },
  {
    name: "deduplication-window-off-by-one",
    what: "of a producer's last five batches only four are recognised",
    workload: "classic-eager",
    edits: [
      {
        file: `${log}/producer-entry.ts`,
        find: "const rememberedBatches = 5;",
        replace: "const rememberedBatches = 4;",
      },
    ],
  },
  {
    name: "commit-generation-unchecked",
    what: "a commit of an older generation is accepted",
    workload: "static",
    edits: [
      {
        file: `${coordinator}/classic-group.ts`,
        find: "if (generationOrEpoch !== this.generationId) return errorCodes.ILLEGAL_GENERATION;\n    // It knows",
        replace: "// It knows",
      },
    ],
  },
  {
    name: "heartbeat-generation-unchecked",
    what: "a heartbeat of an older generation is answered as if all were well",
    workload: "static",
    edits: [
      {
        file: `${coordinator}/classic-group-machine.ts`,
        find: "if (beat.generationId !== group.generationId) return errorCodes.ILLEGAL_GENERATION;",
        replace: "",
      },
    ],
  },
  {
    name: "session-not-renewed",
    what: "heartbeats do not keep a member in its group",
    workload: "classic-eager",
    edits: [
      {
        file: `${coordinator}/classic-group-machine.ts`,
        find: "if (member !== undefined) this.rebalance.restartSession(member, now);",
        replace: "",
      },
    ],
  },
  {
    name: "heartbeat-keeps-the-dead",
    what: "a member's heartbeat renews everybody's session",
    workload: "classic-eager",
    edits: [
      {
        file: `${coordinator}/classic-group-machine.ts`,
        find: "if (member !== undefined) this.rebalance.restartSession(member, now);",
        replace: "for (const one of group.members.values()) this.rebalance.restartSession(one, now);",
      },
    ],
  },
  {
    name: "instance-not-fenced",
    what: "a static member in whose place another has come goes on",
    workload: "static",
    edits: [
      {
        file: `${coordinator}/classic-group.ts`,
        find: "if (existing !== memberId) return errorCodes.FENCED_INSTANCE_ID;",
        replace: "if (existing !== memberId) return 0;",
      },
    ],
  },
  {
    name: "replay-drops-commits",
    what: "a coordinator that comes back has forgotten what was committed",
    workload: "classic-cooperative",
    edits: [
      {
        file: `${coordinator}/group-replay.ts`,
        find: "else machine.apply(record, {",
        replace: 'else if (record.kind !== "offset") machine.apply(record, {',
      },
    ],
  },
  {
    name: "replay-drops-groups",
    what: "a coordinator that comes back has forgotten who is in a group",
    workload: "classic-cooperative",
    edits: [
      {
        file: `${coordinator}/group-replay.ts`,
        find: "else machine.apply(record, {",
        replace: 'else if (record.kind !== "classicGroup") machine.apply(record, {',
      },
    ],
  },
  {
    name: "replay-drops-current-assignments",
    what: "a coordinator that comes back has forgotten what the members of a KIP-848 group own",
    workload: "kip-848",
    edits: [
      {
        file: `${coordinator}/group-replay.ts`,
        find: "else machine.apply(record, {",
        replace: 'else if (record.kind !== "consumerCurrentAssignment") machine.apply(record, {',
      },
    ],
  },
  {
    name: "given-before-released",
    what: "the coordinator of a KIP-848 group gives a partition away while its owner still has it",
    workload: "kip-848",
    edits: [
      {
        file: `${coordinator}/member-reconciliation.ts`,
        find: "if (isMine || !next.isOwned(topicId, partition)) free.push(partition);",
        replace: "if (isMine || partition >= 0) free.push(partition);",
      },
    ],
  },
  {
    name: "revocation-not-awaited",
    what: "the coordinator of a KIP-848 group takes a partition for released as soon as it has asked for it",
    workload: "kip-848",
    edits: [
      {
        file: `${coordinator}/member-reconciliation.ts`,
        find: "if (toRevoke.size > 0 && stillOwns(next.owned, toRevoke)) {",
        replace: "if (toRevoke.size > 99) {",
      },
    ],
  },
  {
    name: "consumer-session-never-ends",
    what: "a dead member of a KIP-848 group keeps its partitions",
    workload: "kip-848",
    edits: [
      {
        file: `${coordinator}/consumer-group-machine.ts`,
        find: "this.timers.schedule(member, now.monotonic + timeout);",
        replace: "this.timers.schedule(member, now.monotonic + 1_000 * timeout);",
      },
    ],
  },
  {
    name: "member-epoch-unchecked",
    what: "a member of a KIP-848 group commits whatever its epoch and its partitions are",
    workload: "kip-848",
    edits: [
      {
        file: `${coordinator}/consumer-commit.ts`,
        find: "if (epoch === memberEpoch) return 0;",
        replace: "if (epoch >= 0) return 0;",
      },
    ],
  },
];
