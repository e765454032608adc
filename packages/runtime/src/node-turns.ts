/** So many turns are asked for at once: one pass of the event loop then does for all of them. */
const turnsPerPass = 32;

/**
 * Calls `step` again and again until it returns false, each time in a turn of its own: everything that the call before had started with promises and
 * `process.nextTick` has run to its end by then. Rejects with what `step` throws. For the simulation, which has no other way to know that the code under it has come to rest.
 */
export function runTurns(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let running = true;
    const stop = (settle: () => void) => {
      running = false;
      settle();
    };
    const turn = () => {
      if (!running) return;
      try {
        if (!step()) stop(resolve);
      } catch (error) {
        stop(() => reject(error));
      }
    };
    const pass = () => {
      if (!running) return;
      // Node empties the queues of promises and ticks between any two immediates, also of the same pass.
      for (let i = 0; i < turnsPerPass; i++) setImmediate(turn);
      setImmediate(pass);
    };
    pass();
  });
}
