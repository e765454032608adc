import { silentLogger } from "@ottla/runtime";
import { describe, expect, it } from "vitest";
import {
  append,
  batchOf,
  expectedPartition,
  openLogs,
  readAll,
  testConfig,
  testRuntime,
  writeInto,
} from "../../test/logs.ts";
import { repairLog } from "./repair.ts";

async function damaged(flipAt: (sizes: readonly number[]) => { file: number; position: number }) {
  const runtime = testRuntime();
  const config = testConfig({ segmentBytes: 300 });
  const partitions = [expectedPartition({ config })];
  const logs = await openLogs(runtime, { partitions });
  const partition = logs.partition("t", 0)!;
  for (let i = 0; i < 9; i++) await runtime.clock.until(append(partition, batchOf([{ value: `v${i}` }])));
  await runtime.clock.runFor(100_000);
  const directory = "/data/log/t-0";
  const names = () =>
    runtime.disk
      .list(directory)
      .map((file) => file.name)
      .filter((name) => name.endsWith(".log"));
  const contents = names().map((name) => runtime.disk.readFile(`${directory}/${name}`));
  const { file, position } = flipAt(contents.map((content) => content.length));
  const flipped = Buffer.from(contents[file]!);
  flipped[position]! ^= 1;
  writeInto(runtime.disk, `${directory}/${names()[file]}`, flipped);
  const repair = () => {
    const options = { topic: "t", index: 0, leaderEpoch: 0, isCompacted: false };
    return runtime.clock.until(repairLog({ runtime, logger: silentLogger, dataDirectory: "/data", ...options }));
  };
  return { runtime, partitions, contents, flipped, names, repair, position, file };
}

describe("repairing a log", () => {
  it.each([
    ["in the middle of a segment", 0, 80],
    ["at a segment's start", 1, 30],
    ["in an offset", 1, 7],
  ])("sets aside what follows damage %s, and nothing else", async (_, file, position) => {
    const made = await damaged(() => ({ file, position }));
    const { runtime, partitions, contents, flipped } = made;
    const broken = await openLogs(runtime, { partitions });
    expect(broken.partition("t", 0)!.offline).not.toBeNull();
    await runtime.clock.until(broken.close());

    const result = await made.repair();
    expect(result.damages.length).toBe(1);
    const [damage] = result.damages;
    expect(damage!.position).toBeLessThanOrEqual(position);
    const asIs = contents.map((content, i) => (i === file ? flipped : content));
    const expected = Buffer.concat([asIs[file]!.subarray(damage!.position), ...asIs.slice(file + 1)]);
    expect(Buffer.concat(result.setAside.map((path) => runtime.disk.readFile(path)))).toEqual(expected);
    expect(result.setAsideBytes).toBe(expected.length);
    expect(result.setAside.every((path) => path.startsWith("/data/set-aside/t-0/"))).toBe(true);

    const logs = await openLogs(runtime, { partitions });
    const partition = logs.partition("t", 0)!;
    expect(partition).toMatchObject({ offline: null, logEndOffset: result.logEndOffset });
    expect(result.logEndOffset).toBe(damage!.offset);
    expect(readAll(partition).map((record) => record.value)).toEqual(
      Array.from({ length: result.logEndOffset }, (_unused, i) => `v${i}`),
    );
    const outcome = await runtime.clock.until(append(partition, batchOf([{}])));
    expect(outcome).toMatchObject({ errorCode: 0, baseOffset: result.logEndOffset });
  });

  it("changes nothing in a sound log", async () => {
    const { runtime, repair, contents, names, file, position } = await damaged((sizes) => ({
      file: 0,
      position: sizes[0]! - 1,
    }));
    // Undo the damage.
    const path = `/data/log/t-0/${names()[file]}`;
    const content = runtime.disk.readFile(path);
    content[position]! ^= 1;
    writeInto(runtime.disk, path, content);
    expect(await repair()).toEqual({ damages: [], setAside: [], setAsideBytes: 0, cutBytes: 0, logEndOffset: 9 });
    expect(names().map((name) => runtime.disk.readFile(`/data/log/t-0/${name}`))).toEqual(contents);
  });
});
