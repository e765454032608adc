import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { nodeDisk } from "./node-disk.ts";

vi.mock("node:module", () => ({
  createRequire: () => () => {
    throw new Error("no prebuilt binary");
  },
}));

it("says which addon is missing where files can't be locked", () => {
  expect(() => nodeDisk().lock(join(tmpdir(), "ottla-never-made"))).toThrow(
    /failed: ENOSYS \(the addon fs-native-extensions, which locks files, can't be loaded on \S+: no prebuilt binary\)/,
  );
});
