/**
 * Thrown into the code of a simulated process that was killed in the middle of an operation, and by whatever it tries afterwards: nothing it does any more must
 * have an effect. It is no `DiskError`, so that nobody takes it for one and carries on.
 */
export class SimKilledError extends Error {
  override readonly name = "SimKilledError";

  constructor() {
    super("this simulated process was killed");
  }
}
