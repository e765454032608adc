import type { Clock } from "@ottla/runtime";

/** The promise's outcome, or a rejection at `deadline` (of `clock.monotonic()`) or when the signal aborts, whichever comes first. */
export function waitFor<T>(
  clock: Clock,
  promise: Promise<T>,
  deadline: number,
  signal: AbortSignal | undefined,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const aborted = () => {
      timer?.cancel();
      reject(signal?.reason);
    };
    const expired = () => {
      signal?.removeEventListener("abort", aborted);
      reject(late());
    };
    const timer =
      deadline < Number.POSITIVE_INFINITY ? clock.setTimer(Math.max(0, deadline - clock.monotonic()), expired) : null;
    signal?.addEventListener("abort", aborted, { once: true });
    const settled = () => {
      timer?.cancel();
      signal?.removeEventListener("abort", aborted);
    };
    promise.then(
      (value) => {
        settled();
        resolve(value);
      },
      (error: unknown) => {
        settled();
        reject(error);
      },
    );
  });
}
