/** So many turns are asked for at once: one pass of the event loop then does for all of them. */
const turnsPerPass = 32;

/** Unhandled rejections go to `onRejection` and nobody else, until the function that is returned is called. */
function takeRejections(onRejection: (reason: unknown) => void): () => void {
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", onRejection);
  return () => {
    process.off("unhandledRejection", onRejection);
    for (const other of others) process.on("unhandledRejection", other);
  };
}

/**
 * Calls `step` again and again until it returns false, each time in a turn of its own: everything that the call before had started with promises and
 * `process.nextTick` has run to its end by then. Rejects with what `step` throws, and
 * with the reason of a promise that was rejected meanwhile and that nobody looks at, which would have been the end of a real process, unless `isHarmless` says otherwise. For the simulation, which has no other way to know that the code under it has come to rest.
 */
export function runTurns(step: () => boolean, isHarmless: (reason: unknown) => boolean = () => false): Promise<void> {
  return new Promise((resolve, reject) => {
    let running = true;
    const stop = (settle: () => void) => {
      running = false;
      giveBack();
      settle();
    };
    const giveBack = takeRejections((reason) => {
      if (running && !isHarmless(reason)) stop(() => reject(reason));
    });
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
