import type { Plugin } from "esbuild";

/**
 * Has a bundle load Node's own modules when something of them is first used. An `import` of one loads it at once, and makes a view of it as an ES module, which for `node:fs`
 * alone loads the streams, promises and more behind its lazy properties: tens of milliseconds before a broker could start.
 */
export const lazyBuiltins: Plugin = {
  name: "lazy builtins",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "builtin" }));
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({ contents: stub(path), loader: "js" }));
  },
};

function stub(path: string): string {
  const module: object | undefined = process.getBuiltinModule(path);
  if (module === undefined) throw new Error(`Node has no module ${path}`);
  const load = `process.getBuiltinModule(${JSON.stringify(path)})`;
  // Some modules are a function or, like node:process, hold what isn't a plain property.
  if (typeof module === "function" || path === "node:process") return `module.exports = ${load};`;
  const getters = Object.keys(module)
    .filter((name) => /^[\w$]+$/.test(name))
    .map((name) => `get ${name}() { return (loaded ??= ${load}).${name}; }`);
  return `let loaded;\nmodule.exports = {\n${getters.join(",\n")}\n};`;
}
