/**
 * Builds what runs as plain JavaScript.
 *
 *   node scripts/build.ts             the command line: packages/ottla/dist/cli.js and parts of it (what `npm start`, `npm test` and the bins use)
 *   node scripts/build.ts --publish   every package besides, ready to publish, in packages/<name>/dist, and tarballs of them in build/
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { lazyBuiltins } from "./lazy-builtins.ts";

const root = join(import.meta.dirname, "..");
const libraries = ["runtime", "protocol", "client", "broker", "testkit"];

/** Packages with a native part cannot be bundled; they stay dependencies. */
const native = ["@node-rs/crc32", "fs-native-extensions", "lz4-napi", "snappy"];

const keepOldPartsMs = 10 * 60_000;

interface Manifest {
  name: string;
  version: string;
  license: string;
  description?: string;
  dependencies?: Record<string, string>;
  bin?: Record<string, string>;
  engines?: Record<string, string>;
}

function manifest(name: string): Manifest {
  return JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
}

/** Bundles the command line: `cli.js` and, beside it, the parts that it loads when they are asked for. Returns the files. */
async function bundleCommandLine(): Promise<Set<string>> {
  const directory = join(root, "packages/ottla/dist");
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["packages/ottla/src/cli.ts"],
    outdir: "packages/ottla/dist",
    bundle: true,
    splitting: true,
    chunkNames: "part-[hash]",
    platform: "node",
    format: "esm",
    target: "node22.15",
    external: native,
    plugins: [lazyBuiltins],
    // Names stay, for the sake of stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
    // Bundled CommonJS dependencies ask for Node's own modules with require.
    banner: { js: 'const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);' },
  });
  const written = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
  for (const file of readdirSync(directory)) {
    const path = join(directory, file);
    // Programs that were started before this build may still ask for a part of theirs.
    if (!written.has(file) && Date.now() - statSync(path).mtimeMs > keepOldPartsMs) rmSync(path);
  }
  return written;
}

/** Compiles all libraries in one pass and gives each its own JavaScript, declarations and package.json. */
function compileLibraries(): void {
  const compiled = join(root, "build/compiled");
  rmSync(join(root, "build"), { recursive: true, force: true });
  execFileSync(
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "tsconfig.build.json")],
    {
      stdio: "inherit",
    },
  );
  for (const name of libraries) {
    const dist = join(root, "packages", name, "dist");
    rmSync(dist, { recursive: true, force: true });
    cpSync(join(compiled, name, "src"), dist, { recursive: true });
    nameDeclarationsAsJavaScript(dist);
    const { name: packageName, version, license, description, dependencies, engines } = manifest(name);
    const published = {
      name: packageName,
      version,
      description,
      license,
      type: "module",
      // Named, since the repository's .gitignore would leave out what is built.
      files: ["**"],
      exports: { ".": { types: "./index.d.ts", default: "./index.js" } },
      engines,
      dependencies,
    };
    writePackage(dist, published);
  }
}

/** The compiler rewrites `./x.ts` to `./x.js` in what it emits as JavaScript, but not in declarations. */
function nameDeclarationsAsJavaScript(directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    if (!entry.endsWith(".d.ts")) continue;
    const path = join(directory, entry);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace(/((?:from|import)\s*\(?\s*"\.[^"]*)\.ts"/g, '$1.js"'));
  }
}

function describeCommandLine(files: Iterable<string>): string {
  const target = join(root, "build/ottla");
  mkdirSync(join(target, "dist"), { recursive: true });
  cpSync(join(root, "packages/ottla/bin"), join(target, "bin"), { recursive: true });
  for (const file of files) cpSync(join(root, "packages/ottla/dist", file), join(target, "dist", file));
  const { name, version, license, description, bin, engines } = manifest("ottla");
  const dependencies: Record<string, string> = {};
  for (const library of libraries) {
    for (const [dependency, range] of Object.entries(manifest(library).dependencies ?? {})) {
      if (native.includes(dependency)) dependencies[dependency] = range;
    }
  }
  writePackage(target, {
    name,
    version,
    description,
    license,
    type: "module",
    files: ["**"],
    bin,
    engines,
    dependencies,
  });
  return target;
}

function writePackage(directory: string, content: object): void {
  writeFileSync(join(directory, "package.json"), `${JSON.stringify(content, null, 2)}\n`);
  cpSync(join(root, "LICENSE"), join(directory, "LICENSE"));
  const readme = join(root, "README.md");
  if (existsSync(readme)) cpSync(readme, join(directory, "README.md"));
}

function pack(directories: string[]): void {
  const target = join(root, "build/tarballs");
  mkdirSync(target, { recursive: true });
  for (const directory of directories) {
    execFileSync("npm", ["pack", "--silent", "--pack-destination", target], {
      cwd: directory,
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  for (const file of readdirSync(target)) console.log(`build/tarballs/${file}`);
}

const files = await bundleCommandLine();
if (process.argv.includes("--publish")) {
  compileLibraries();
  pack([...libraries.map((name) => join(root, "packages", name, "dist")), describeCommandLine(files)]);
}
