/** What only processes show: signals, exit codes, pipes that end. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runTool, startOttlaBroker, startTool } from "../support/ottla.ts";
import { Program } from "../support/processes.ts";

describe("the bins", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("stop a broker tidily at %s", async (signal) => {
    const broker = await startOttlaBroker();
    const listed = await runTool("kafka-topics", "--bootstrap-server", broker.bootstrapServers, "--list");
    expect(listed).toEqual({ code: 0, stdout: "\n", stderr: "" });
    expect(await broker.stop(signal)).toBe(0);
  });

  it("end at once at a second signal", async () => {
    const terminal = join(import.meta.dirname, "../../packages/ottla/src/terminal.ts");
    const script = `
      import { processTerminal } from ${JSON.stringify(terminal)};
      processTerminal().interrupted().addEventListener("abort", () => console.log("stopping"));
      setInterval(() => {}, 1000);
      console.log("ready");`;
    const program = new Program(process.execPath, ["--input-type=module", "-e", script]);
    await program.line(/ready/);
    program.child.kill("SIGINT");
    await program.line(/stopping/);
    program.child.kill("SIGINT");
    expect(await program.ended).toBe(130);
  });

  it("read lines from a pipe", async () => {
    const broker = await startOttlaBroker();
    const { bootstrapServers } = broker;
    const producer = startTool("ottla", "produce", "orders", "-b", bootstrapServers);
    producer.child.stdin?.end("one\ntwo\n");
    expect(await producer.ended).toBe(0);
    expect(producer.output).toBe("sent 2 messages to 1 partition of orders");
    const arguments_ = ["consume", "orders", "--from-beginning", "--until-end", "-b", bootstrapServers];
    const consumed = await runTool("ottla", ...arguments_);
    expect(consumed.stdout).toBe("partition 0 | offset 0 | (null) | one\npartition 0 | offset 1 | (null) | two\n");
    await broker.stop();
  });

  it("say what is wrong on one line", async () => {
    const refused = await runTool("ottla", "broker", "--config", "no.such.setting=1");
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^ottla: .*no\.such\.setting.*\n$/);
  });
});
