import type { SimRandom } from "./sim-random.ts";

/** What a disk can be asked to do. */
export type DiskOperation =
  | "read"
  | "open"
  | "create"
  | "write"
  | "truncate"
  | "sync"
  | "syncDirectory"
  | "makeDirectory"
  | "rename"
  | "remove";

/** Something that is to go wrong. */
export interface DiskFault {
  /** Which operations are meant; `"change"`, the default, is every one but `read` and `open`. */
  readonly operation?: DiskOperation | "change";
  /** Only on paths that match. */
  readonly path?: RegExp;
  /** It strikes at the nth of these operations from now on; 1, the next, by default. */
  readonly nth?: number;
  /** So many times in a row; once by default. */
  readonly times?: number;
  /** The operation throws, or the process is killed in the middle of it, or the machine dies. */
  readonly effect: "fail" | "killProcess" | "crashMachine";
  /** The code of the error; `EIO` by default. */
  readonly code?: string;
  /** How far the operation gets: a seeded `"part"` by default, `"none"` where it fails. A sync that fails loses all that it doesn't reach. */
  readonly progress?: "none" | "part" | "all";
}

/** A fault that strikes now. */
export interface Strike {
  readonly effect: DiskFault["effect"];
  readonly code: string;
  readonly progress: "none" | "part" | "all";
}

interface Planned {
  readonly fault: DiskFault;
  /** So many matching operations pass before it strikes. */
  before: number;
  times: number;
}

/** The faults that a test has planned, and the operations counted. */
export class DiskFaults {
  readonly counts: Record<DiskOperation | "change", number> = {
    read: 0,
    open: 0,
    create: 0,
    write: 0,
    truncate: 0,
    sync: 0,
    syncDirectory: 0,
    makeDirectory: 0,
    rename: 0,
    remove: 0,
    change: 0,
  };
  #planned: Planned[] = [];

  plan(fault: DiskFault): void {
    this.#planned.push({ fault, before: (fault.nth ?? 1) - 1, times: fault.times ?? 1 });
  }

  clear(): void {
    this.#planned = [];
  }

  /** Counts the operation and returns the fault that strikes at it. */
  next(operation: DiskOperation, path: string): Strike | null {
    this.counts[operation]++;
    if (isChange(operation)) this.counts.change++;
    let strike: Strike | null = null;
    for (const planned of this.#planned) {
      if (!matches(planned.fault, operation, path)) continue;
      if (planned.before > 0) planned.before--;
      else if (strike === null) {
        planned.times--;
        const { effect, code = "EIO", progress = effect === "fail" ? "none" : "part" } = planned.fault;
        strike = { effect, code, progress };
      }
    }
    this.#planned = this.#planned.filter(({ times }) => times > 0);
    return strike;
  }
}

function isChange(operation: DiskOperation): boolean {
  return operation !== "read" && operation !== "open";
}

function matches(fault: DiskFault, operation: DiskOperation, path: string): boolean {
  const wanted = fault.operation ?? "change";
  if (wanted === "change" ? !isChange(operation) : wanted !== operation) return false;
  return fault.path === undefined || fault.path.test(path);
}

/** How much of `size` gets done before the strike. */
export function reached(strike: Strike | null, size: number, random: SimRandom): number {
  if (strike === null || strike.progress === "all") return size;
  return strike.progress === "none" ? 0 : random.integer(size + 1);
}
