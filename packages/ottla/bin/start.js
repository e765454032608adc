import nodeModule from "node:module";

/** Runs a tool of the bundle. Plain JavaScript that older versions of Node understand too, so that they can be told what is missing. */
export async function start(tool) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 22 || (major === 22 && minor < 15)) {
    console.error(`${tool} needs Node.js 22.15 or newer; this is ${process.version}`);
    process.exit(1);
  }
  nodeModule.enableCompileCache();
  const { main } = await import("../dist/cli.js");
  await main(tool, process.argv.slice(2));
}
