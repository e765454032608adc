import { defineConfig } from "vitest/config";

/**
 * Two projects. `unit` needs only Node and is what `npm test` runs. `compat` needs foreign clients, a JVM or the
 * published packages: `npm run test:compat` runs it, and what is not installed is skipped with a word.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "examples/*/src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["test/compat/**", "**/node_modules/**"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "compat",
          fileParallelism: false,
          include: ["test/compat/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
