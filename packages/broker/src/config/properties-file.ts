import { ConfigError } from "./definition.ts";

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", f: "\f" };

/**
 * Reads the text of a Java properties file (`server.properties`): comments with `#` or `!`, `=`, `:` or blanks between name and value, a backslash that continues a
 * line or escapes a character. The last of several lines for a name holds, as in Java. Throws a `ConfigError` for an escape that is none.
 */
export function parseProperties(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const line of logicalLines(text)) {
    const end = endOfName(line);
    const name = unescapeText(line.slice(0, end));
    const value = unescapeText(line.slice(end).replace(/^[ \t\f]*[=:]?[ \t\f]*/, ""));
    values[name] = value;
  }
  return values;
}

/** Lines without comments, with continued lines joined. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let open: string | null = null;
  for (const raw of text.split(/\r\n|\r|\n/)) {
    const line = raw.replace(/^[ \t\f]+/, "");
    if (open === null && (line === "" || line.startsWith("#") || line.startsWith("!"))) continue;
    const backslashes = /\\*$/.exec(line)?.[0].length ?? 0;
    const isContinued = backslashes % 2 === 1;
    const content: string = (open ?? "") + (isContinued ? line.slice(0, -1) : line);
    if (isContinued) {
      open = content;
    } else {
      lines.push(content);
      open = null;
    }
  }
  if (open !== null) lines.push(open);
  return lines;
}

/** Where the name ends: at the first separator that is not escaped. */
function endOfName(line: string): number {
  for (let index = 0; index < line.length; index++) {
    if (line[index] === "\\") index++;
    else if (/[=: \t\f]/.test(line[index]!)) return index;
  }
  return line.length;
}

function unescapeText(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|u|.)/gs, (_, escaped: string) => {
    if (escaped === "u") throw new ConfigError(`malformed \\uxxxx escape in ${JSON.stringify(text)}`);
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return escapes[escaped] ?? escaped;
  });
}
