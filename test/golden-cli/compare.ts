/**
 * What is and is not held against our tools when they are compared with the recorded runs of Kafka's: ids, ports and the order of Java's hash maps are not, nor that Java's exceptions
 * have class names; everything else is, byte for byte.
 */
import type { RecordedCase } from "./recorded.ts";

/** What a tool did. */
export interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

/** Topic ids, member ids or the random part of them, and the broker's port, each by something as long. */
export function maskVolatile(text: string): string {
  return text
    .replace(/TopicId: [A-Za-z0-9_-]{22}/g, `TopicId: ${"i".repeat(22)}`)
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "u".repeat(36))
    .replace(/(?<= )[A-Za-z0-9_-]{22}(?= +\/)/g, "m".repeat(22))
    .replace(/(?:localhost|127\.0\.0\.1):\d+( {2}\(\d+\)) +/g, (coordinator, id) =>
      `localhost:port${id}`.padEnd(coordinator.length),
    );
}

/** The same text with rows, blocks, settings and lists of names sorted, since Kafka prints them in the order of a hash map. */
export function sortHashOrder(text: string): string {
  const paragraphs = text.split(/(?<=\n)(?=\n)/).map(sortRows);
  return sortWarnings(paragraphs)
    .join("")
    .replace(/'[^'\n]+'(?:, '[^'\n]+')+/g, sortNames)
    .replace(/(?<=Configs: ).+/g, (configs) => configs.split(",").sort().join(","));
}

/** Sorts the lines below a header; lines that begin with a tab stay with the line above them, if that does not. */
function sortRows(paragraph: string): string {
  const blocks = paragraph.split(paragraph.startsWith("\t") ? /(?<=\n)(?=\t)/ : /(?<=\n)(?!\n|\t|$)/);
  const isTable = /^\n?(GROUP|TOPIC|Error:) /.test(blocks[0] === "\n" ? (blocks[1] ?? "") : (blocks[0] ?? ""));
  const headers = (isTable ? 1 : 0) + (blocks[0] === "\n" ? 1 : 0);
  return [...blocks.slice(0, headers), ...blocks.slice(headers).sort()].join("");
}

/** Warnings are paragraphs of one line each, before the table. */
function sortWarnings(paragraphs: readonly string[]): string[] {
  const isWarning = (paragraph: string) => paragraph.startsWith("\nWarn: ");
  return [...paragraphs.filter(isWarning).sort(), ...paragraphs.filter((paragraph) => !isWarning(paragraph))];
}

function sortNames(list: string): string {
  return list.split(", ").sort().join(", ");
}

/** Whether Kafka prints this case's rows in the order of a hash map. */
export function isInHashOrder({ words }: RecordedCase): boolean {
  const [tool] = words;
  const has = (word: string) => words.includes(word);
  if (tool === "kafka-topics") return has("--describe");
  return has("--describe") || has("--list") || has("--reset-offsets") || has("--delete");
}

/** Standard output of both sides in the form in which they are compared. */
export function comparableOutput(recorded: RecordedCase, text: string): string {
  const masked = maskVolatile(text);
  return isInHashOrder(recorded) ? sortHashOrder(masked) : masked;
}

/** A line about a Java exception: `some.package.SomeException: message`, with or without what Java puts before it. */
const javaLine =
  /^(?:Exception in thread "main" |Caused by: )?(?:java|joptsimple|org\.apache|com\.fasterxml)\.[\w.$]+(?:: (.*))?$| at \[Source: /;

/**
 * What is wrong with our standard error, or null. A recorded line that names a Java class may be left out, or be there with its message alone; of a usage only what is above the first
 * option is compared (the rest has descriptions in our own words); a warning that Kafka logs has to be one that was recorded.
 */
export function wrongStderr(recorded: RecordedCase, stderr: string): string | null {
  const ours = stderr.split("\n").filter((line) => !isLogged(recorded, line));
  let next = 0;
  const expected = recorded.stderr.split("\n");
  for (const [index, line] of expected.entries()) {
    const java = javaLine.exec(line);
    if (java !== null) {
      if (ours[next] === java[1]) next++;
      continue;
    }
    // Java ends a logged stack with an empty line.
    if (line === "" && index === expected.length - 2 && javaLine.test(expected[index - 1] ?? "")) continue;
    if (ours[next] !== line) return `line ${next + 1} should be ${JSON.stringify(line)}`;
    next++;
    if (/^-+ +-+ *$/.test(line)) return null;
  }
  return next === ours.length ? null : `line ${next + 1} is too many: ${JSON.stringify(ours[next])}`;
}

function isLogged(recorded: RecordedCase, line: string): boolean {
  return line.startsWith("WARN New offset") && recorded.notes.includes(line.replace(/\.$/, ""));
}
