/** A way of dividing the work that a member can do, and what it says about it. */
export interface GroupProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}
