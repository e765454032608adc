import { int32, message, type Value } from "../schema.ts";

/** Value of a commit or abort marker. */
export const endTxnMarker = message(
  "EndTxnMarker",
  { versions: [0, 0], flexible: "none" },
  {
    coordinatorEpoch: int32(),
  },
);
export type EndTxnMarker = Value<typeof endTxnMarker>;
