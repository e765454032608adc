import type { Mutant } from "./mutant.ts";

const consumer = "packages/client/src/consumer";

/** Bugs of the client. */
export const clientMutants: readonly Mutant[] = [
  {
    name: "revoked-partition-flows-on",
    what: "what is left of a batch is handed out after its partition was revoked",
    workload: "classic-eager",
    edits: [
      { file: `${consumer}/engine.ts`, find: "if (state !== undefined) state.isRevoked = true;", replace: "" },
      {
        file: `${consumer}/engine.ts`,
        find: "    this.asking.isInterrupted = true;\n    this.delivery.putBack();",
        replace: "    this.asking.isInterrupted = true;",
      },
      { file: `${consumer}/offsets.ts`, find: "      state.isRevoked = true;\n      state.version++;", replace: "" },
    ],
  },
  {
    name: "commit-ahead-of-processing",
    what: "automatic commits cover what the application has not finished",
    workload: "classic-eager",
    edits: [
      {
        file: `${consumer}/offsets.ts`,
        find: "return this.#committable(this.#current);",
        replace: "return this.#committable(null);",
      },
    ],
  },
  {
    name: "starts-behind-the-commit",
    what: "a partition that comes is read from one record behind the committed offset on",
    workload: "classic-cooperative",
    edits: [
      {
        file: `${consumer}/position-resolver.ts`,
        find: "state.moveTo(one.offset, one.leaderEpoch ?? -1);",
        replace: "state.moveTo(one.offset + 1, one.leaderEpoch ?? -1);",
      },
    ],
  },
  {
    name: "cooperative-gives-at-once",
    what: "the cooperative assignor gives a partition to its new owner in the round in which the old one loses it",
    workload: "classic-cooperative",
    edits: [
      {
        file: `${consumer}/assignors/cooperative-sticky.ts`,
        find: "if (mustWait) owners[partition] = -1;",
        replace: "if (mustWait && partition < 0) owners[partition] = -1;",
      },
    ],
  },
  {
    name: "listener-not-awaited",
    what: "the group does not wait for onPartitionsRevoked",
    workload: "classic-cooperative",
    edits: [
      {
        file: `${consumer}/partition-handover.ts`,
        find: 'await this.#call("onPartitionsRevoked", partitions);',
        replace: 'void this.#call("onPartitionsRevoked", partitions).catch(() => {});',
      },
    ],
  },
  {
    name: "reconciled-before-revoked",
    what: "a member of a KIP-848 group says that it has given partitions up before it has",
    workload: "kip-848",
    edits: [
      {
        file: `${consumer}/consumer-group-session.ts`,
        find: "if (leaving.length > 0) await this.#handover.revoke(leaving).catch(",
        replace: "if (leaving.length > 0) void this.#handover.revoke(leaving).catch(",
      },
    ],
  },
];
