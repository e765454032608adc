import { crc32 } from "node:zlib";

/**
 * What happened in a simulation, line by line. Two runs with the same seed must give the same fingerprint; the lines show where
 * they part.
 */
export class SimHistory {
  readonly #limit: number;
  #lines: string[] = [];
  #count = 0;
  #fingerprint = 0;
  /** Called with each line as it is written. */
  onLine: ((line: string) => void) | null = null;

  /** Keeps the last `limit` lines; the fingerprint covers all. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many lines were written. */
  get count(): number {
    return this.#count;
  }

  /** The last lines. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Equal for equal histories, and hardly ever for others. */
  get fingerprint(): string {
    return `${this.#count}-${this.#fingerprint.toString(16).padStart(8, "0")}`;
  }

  record(line: string): void {
    this.#count++;
    this.#fingerprint = crc32(line, this.#fingerprint);
    this.#lines.push(line);
    // In large steps: taking one line from the front of a long list for each new one is slow.
    if (this.#lines.length > 2 * this.#limit) this.#lines = this.#lines.slice(-this.#limit);
    this.onLine?.(line);
  }
}

/** Stands for the content of bytes in a line. */
export function digest(bytes: Uint8Array): string {
  return `${bytes.length}:${crc32(bytes).toString(16)}`;
}
