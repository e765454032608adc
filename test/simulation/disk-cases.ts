import type { DiskFault } from "@ottla/runtime";
import type { Scenario } from "./disk-run.ts";

/** Something that goes wrong with a disk, or with whoever writes to it, at any place of the script. */
export interface DiskCase {
  readonly name: string;
  readonly scenario: Omit<Scenario, "seed"> & { readonly fault: DiskFault };
}

export const diskCases: readonly DiskCase[] = [
  { name: "the machine dies, flush=always", scenario: { flush: "always", fault: { effect: "crashMachine" } } },
  { name: "the process dies, flush=os", scenario: { flush: "os", fault: { effect: "killProcess" } } },
  {
    name: "the machine dies, and again while it recovers, flush=always",
    scenario: { flush: "always", fault: { effect: "crashMachine" }, next: { effect: "crashMachine" } },
  },
  {
    name: "the process dies, and again while it recovers, flush=os",
    scenario: { flush: "os", fault: { effect: "killProcess" }, next: { effect: "killProcess" } },
  },
  {
    name: "the process dies, and again while it recovers, flush=always",
    scenario: { flush: "always", fault: { effect: "killProcess" }, next: { effect: "killProcess" } },
  },
  { name: "the machine dies, flush=os", scenario: { flush: "os", fault: { effect: "crashMachine" } } },
  { name: "EIO, flush=os", scenario: { flush: "os", fault: { effect: "fail", code: "EIO" } } },
  { name: "EIO, flush=always", scenario: { flush: "always", fault: { effect: "fail", code: "EIO" } } },
  {
    name: "a sync fails, flush=always",
    scenario: { flush: "always", fault: { effect: "fail", code: "EIO", operation: "sync" } },
  },
  {
    name: "the disk is full, flush=os",
    scenario: {
      flush: "os",
      fault: { effect: "fail", code: "ENOSPC", operation: "write", progress: "part", times: 1e6 },
    },
  },
];
