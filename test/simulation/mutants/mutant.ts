/** A change of one source file. */
export interface Edit {
  /** Relative to the repository. */
  readonly file: string;
  /** What is there, once. */
  readonly find: string;
  readonly replace: string;
}

/** A bug that is made on purpose, in a copy of the sources that only one worker sees, for the checkers to find. */
export interface Mutant {
  readonly name: string;
  /** What goes wrong with it. */
  readonly what: string;
  readonly edits: readonly Edit[];
  /** The workload that has to find it. */
  readonly workload: string;
}

/** Makes the changes, and throws where the source is not what they were made for. */
export function mutate(source: string, edits: readonly Edit[], file: string): string {
  let text = source;
  for (const { find, replace } of edits) {
    const count = text.split(find).length - 1;
    if (count !== 1)
      throw new Error(`a mutant does not fit any more: ${file} has ${count} times ${JSON.stringify(find)}`);
    text = text.replace(find, () => replace);
  }
  return text;
}
