const maxEntries = 1024;

/**
 * Gives equal strings one copy: each request brings its own, and ten thousand members share a handful of client ids, addresses and protocol names. Best effort: when it has
 * seen too many it begins anew.
 */
export class Interner {
  private readonly known = new Map<string, string>();

  intern(text: string): string {
    const known = this.known.get(text);
    if (known !== undefined) return known;
    if (this.known.size >= maxEntries) this.known.clear();
    this.known.set(text, text);
    return text;
  }
}
