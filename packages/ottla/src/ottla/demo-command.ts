import type { Command } from "commander";
import type { MemberOptions } from "../demo/member-events.ts";
import { wholeNumber } from "./arguments.ts";
import type { DemoCommandOptions } from "./command-options.ts";
import type { CommandContext } from "./context.ts";

export function addDemoCommand(program: Command, context: CommandContext): void {
  program
    .command("demo")
    .summary("watch partitions and consumer groups at work")
    .description(
      "Starts a broker in memory and plays the order-events walk-through on it: keyed orders, one consumer, three consumers, one that dies, assignment strategies and how long each holds up the group, a static member, commit strategies, a rebalance listener, lag. Every consumer is a process of its own.",
    )
    .option("--once", "end after the walk-through; the exit code is 0 only if every step saw what it should")
    .option(
      "-p, --port <number>",
      "the broker's port; the next free one where it is taken",
      wholeNumber(0, 65_535),
      9092,
    )
    .action(async (options: DemoCommandOptions) => {
      const { runDemo } = await import("../demo/run-demo.ts");
      context.exitCode = await runDemo(options, context);
    });
  program.command("demo-member <options>", { hidden: true }).action(async (options: string) => {
    const { runMembers } = await import("../demo/member.ts");
    context.exitCode = await runMembers(JSON.parse(options) as MemberOptions[], context.runtime.clock);
  });
}
