import { createInterface } from "node:readline";

/** Where a command reads from and writes to: the process's own streams, or a test's. */
export interface Terminal {
  /** Writes to standard output, as it stands. */
  write(text: string): void;
  /** Writes to standard error, as it stands. */
  complain(text: string): void;
  /** The lines of standard input, as they come. */
  lines(): AsyncIterable<string>;
  /** Whether a person reads standard output. */
  readonly isInteractive: boolean;
  /** How many characters a line of standard output has room for; 80 where nobody can tell. */
  readonly columns: number;
  /** Whether a person types at standard input. */
  readonly isTyped: boolean;
  /**
   * Aborts at the first SIGINT or SIGTERM from the first call on; a second one ends the process at once.
   */
  interrupted(): AbortSignal;
}

/** The terminal, or the pipes, that this process was started with. */
export function processTerminal(): Terminal {
  let interruption: AbortController | null = null;
  // A reader that goes away (`| head`) ends the command without a word, as it does with other tools.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    write: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
    lines: () => createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY }),
    isInteractive: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 80,
    isTyped: process.stdin.isTTY === true,
    interrupted: () => {
      interruption ??= onFirstSignal();
      return interruption.signal;
    },
  };
}

/** What a shell gets to see of a process that a signal ended: 128 and the signal's number. */
const signalExits = { SIGINT: 130, SIGTERM: 143 } as const;

function onFirstSignal(): AbortController {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(signalExits[signal]);
      controller.abort();
    });
  }
  return controller;
}
