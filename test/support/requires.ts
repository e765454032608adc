/** Tests that need a program from outside: skipped with a word where it is missing, failed in CI. */
import { spawnSync } from "node:child_process";
import { describe } from "vitest";

/**
 * `describe` for a suite that needs something installed. Where `present` is false the suite is skipped, visibly; with `CI=true` it fails instead,
 * since there everything has to run.
 */
export function describeWith(what: string, present: boolean, name: string, suite: () => void): void {
  if (present) {
    describe(name, suite);
  } else if (process.env.CI === "true") {
    throw new Error(`${name}: ${what} is missing; run test/compat/foreign/install`);
  } else {
    describe.skip(`${name} (${what} is not installed: run test/compat/foreign/install)`, suite);
  }
}

/** Whether a program can be started. */
export function canRun(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}
