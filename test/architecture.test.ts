import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

/** Which workspace packages the sources of a package may import. */
const mayImport: Record<string, readonly string[]> = {
  runtime: [],
  protocol: ["runtime"],
  client: ["runtime", "protocol"],
  broker: ["runtime", "protocol"],
  testkit: ["runtime", "protocol", "client", "broker"],
  ottla: ["runtime", "client", "broker"],
  "order-events": ["client"],
  "your-own-test": ["client"],
};

/** What touches the world outside the process, and so belongs into `runtime/src/node-*.ts` alone. */
const outsideWorld: readonly [name: string, pattern: RegExp][] = [
  ["Date.now", /\bDate\.now\b/],
  ["new Date() or Date()", /\bDate\(\s*\)/],
  // Kafka has settings that begin with "controller.performance.".
  ["performance", /(?<!controller\.)\bperformance\s*\.\s*[a-z]/],
  ["Math.random", /\bMath\.random\b/],
  ["crypto's randomness", /\b(randomBytes|randomUUID|randomInt|randomFill\w*|getRandomValues)\b/],
  ["a timer", /\b(setTimeout|setInterval|setImmediate)\b/],
  ["AbortSignal.timeout", /\bAbortSignal\.timeout\b/],
  ["process.hrtime", /\bhrtime\b/],
  [
    "a module of the outside world",
    /\b(?:from|import|require)\s*\(?\s*["'](?:node:)?(?:fs|net|tls|dns|http|https|timers|worker_threads)(?:\/promises)?["']/,
  ],
  [
    "asynchronous zlib",
    /\b(gzip|gunzip|deflate|inflate|unzip|brotliCompress|brotliDecompress|zstdCompress|zstdDecompress)\(|create(Gzip|Gunzip|Zstd\w+|Inflate|Deflate)\(/,
  ],
];

/** A longer file needs a reason. */
const maxLines = 450;
const longFiles: Record<string, string> = {};

interface Source {
  /** Relative to the repository. */
  readonly path: string;
  readonly room: string;
  /** Without comments. */
  readonly code: string;
  readonly lines: number;
  readonly imports: readonly string[];
}

function walk(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" || entry.name === "dist" ? [] : walk(path);
    return path.endsWith(".ts") && !path.endsWith(".test.ts") ? [path] : [];
  });
}

function withoutComments(text: string): string {
  // Strings are matched first, so that a "//" inside one is kept.
  return text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_, string) => string ?? "",
  );
}

function readSources(): Source[] {
  return ["packages", "examples"].flatMap((area) =>
    readdirSync(join(root, area)).flatMap((room) =>
      walk(join(root, area, room, "src")).map((file) => {
        const text = readFileSync(file, "utf8");
        const code = withoutComments(text);
        const imports = [...code.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(
          (match) => match[1] as string,
        );
        return { path: relative(root, file), room, code, lines: text.split("\n").length - 1, imports };
      }),
    ),
  );
}

const sources = readSources();

describe("the house", () => {
  it("has sources in every room of the table", () => {
    expect([...new Set(sources.map((source) => source.room))].sort()).toEqual(Object.keys(mayImport).sort());
  });

  it("imports packages only in the allowed direction", () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter((name) => name.startsWith("@ottla/") || name === "ottla")
        .filter((name) => !mayImport[source.room]?.includes(name.replace("@ottla/", "")))
        .map((name) => `${source.path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it("does not reach into another package past its index", () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter((name) => /^@ottla\/[^/]+\//.test(name) || (name.startsWith(".") && !insideRoom(source, name)))
        .map((name) => `${source.path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it("has no import circles between files", () => {
    expect(circles()).toEqual([]);
  });

  it("touches the outside world only in runtime/src/node-*.ts", () => {
    const wrong = sources
      .filter(
        (source) =>
          source.path.startsWith("packages/") && !/^packages\/runtime\/src\/node-[^/]+\.ts$/.test(source.path),
      )
      .flatMap((source) =>
        outsideWorld.filter(([, pattern]) => pattern.test(source.code)).map(([name]) => `${source.path} uses ${name}`),
      );
    expect(wrong).toEqual([]);
  });

  it(`keeps files below ${maxLines} lines`, () => {
    const wrong = sources
      .filter((source) => source.lines > maxLines && longFiles[source.path] === undefined)
      .map((source) => `${source.path}: ${source.lines} lines`);
    expect(wrong).toEqual([]);
  });

  it("notices what it forbids", () => {
    const forbidden = [
      "Date.now()",
      "new Date()",
      "performance.now()",
      "Math.random()",
      "randomUUID()",
      "setImmediate(f)",
      'from "node:fs"',
      'from "timers/promises"',
      "gzip(x)",
    ];
    expect(forbidden.filter((code) => !outsideWorld.some(([, pattern]) => pattern.test(code)))).toEqual([]);
    expect(withoutComments('a("//x"); // Date.now()\n/* setTimeout */b')).toBe('a("//x"); \nb');
  });
});

function insideRoom(source: Source, name: string): boolean {
  const target = join(dirname(source.path), name);
  return target.startsWith(source.path.split("/").slice(0, 2).join("/"));
}

/** Every import circle between files, as the paths on it; type-only imports count, since a reader has to follow them too. */
function circles(): string[] {
  const edges = new Map(
    sources.map((source) => [
      source.path,
      source.imports.filter((name) => name.startsWith(".")).map((name) => join(dirname(source.path), name)),
    ]),
  );
  const found: string[] = [];
  const state = new Map<string, "open" | "done">();
  const visit = (path: string, trail: string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      found.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    state.set(path, "open");
    for (const target of edges.get(path) ?? []) visit(target, [...trail, path]);
    state.set(path, "done");
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}
