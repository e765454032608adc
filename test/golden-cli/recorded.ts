/** The recorded runs of Kafka's own tools: Markdown with a command, its output and its exit code per case. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface RecordedCase {
  readonly section: string;
  readonly title: string;
  /** The words of the command line, quotes resolved, the tool's name first. */
  readonly words: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
  /** Only that many lines of stderr were recorded. */
  readonly stderrCut: number | null;
  readonly exit: number;
  readonly notes: string;
}

/** Every case of a file, in the order in which they were recorded. */
export function readRecorded(file: "topics.md" | "consumer-groups.md"): RecordedCase[] {
  const text = readFileSync(join(import.meta.dirname, "recorded", file), "utf8");
  return text
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const [name = "", ...rest] = section.split("\n");
      return rest
        .join("\n")
        .split(/^### /m)
        .slice(1)
        .map((body) => parseCase(name, body));
    });
}

function parseCase(section: string, body: string): RecordedCase {
  const title = body.slice(0, body.indexOf("\n"));
  const command = /```console\n\$ ([\s\S]*?)\n```/.exec(body)?.[1];
  const exit = /^exit: (\d+)/m.exec(body)?.[1];
  if (command === undefined || exit === undefined) throw new Error(`${section} / ${title}: no command or no exit code`);
  const notes = /^Notes: (.*)$/m.exec(body)?.[1] ?? "";
  const cut = /stderr cut after (\d+) of/.exec(notes)?.[1];
  return {
    section,
    title,
    words: splitWords(command),
    stdout: output(body, "stdout"),
    stderr: output(body, "stderr"),
    stderrCut: cut === undefined ? null : Number(cut),
    exit: Number(exit),
    notes,
  };
}

/** The text of a stream: the newline before the closing fence belongs to it unless its label says otherwise. */
function output(body: string, stream: "stdout" | "stderr"): string {
  const match = new RegExp(`^${stream}(?: \\(([^)]*)\\))?:(?: empty|\\n+\`\`\`text\\n([\\s\\S]*?)^\`\`\`$)`, "m").exec(
    body,
  );
  if (match === null) throw new Error(`no ${stream} in: ${body.slice(0, 80)}`);
  const text = match[2] ?? "";
  return match[1]?.includes("no newline at the end") ? text.replace(/\n$/, "") : text;
}

/** Splits a shell command into words; single and double quotes group. */
export function splitWords(command: string): string[] {
  return [...command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"),
  );
}
