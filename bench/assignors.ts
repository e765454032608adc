/** What assigning costs, with the figures that Apache Kafka has published for its own (on other machines) in the peer's column. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { finished } from "../test/support/apache-kafka.ts";
import { type Row, row } from "./measure.ts";

interface Case {
  readonly name: string;
  readonly what: string;
  /** Milliseconds. */
  readonly published?: number;
  readonly most?: number;
}

const clientCases: readonly Case[] = (["sticky", "cooperative"] as const).flatMap((name) => [
  { name: `${name}-10000/again`, what: `${name}, 2,000 members, 10,000 partitions, one member has left` },
  { name: `${name}-100000/again`, what: "the same, 100,000 partitions" },
  { name: `${name}-1000000/again`, what: "the same, 1,000,000 partitions", published: 1400, most: 1400 },
  { name: `${name}-1000000/new`, what: "the same, from nothing", published: 1400, most: 1400 },
]);

const mixed = "cooperative, 5,000 members, 250,000 partitions";
const mixedCases: readonly Case[] = [
  { name: "mixed-butOne/again", what: `${mixed}, one member with another subscription, one has left`, most: 1000 },
  { name: "mixed-inFive/again", what: "the same, five subscriptions with nothing in common", most: 1000 },
  { name: "mixed-windows/again", what: "the same, each with 50 of 500 topics, hardly two alike", most: 1000 },
  { name: "mixed-windows/new", what: "the same, from nothing", most: 1000 },
];

const serverCases: readonly Case[] = [
  { name: "server-uniform/again", what: "uniform, 10,000 members, 500,000 partitions, one has joined", published: 14 },
  { name: "server-uniform/new", what: "the same, from nothing" },
  {
    name: "server-mixed-inFive/again",
    what: "uniform, 5,000 members, 250,000 partitions, five subscriptions, one has joined",
    published: 15,
  },
  { name: "server-mixed-inFive/new", what: "the same, from nothing" },
  { name: "server-mixed-butOne/again", what: "the same, one member with another subscription, it has joined" },
];

async function times(name: string, count: number): Promise<number[]> {
  const args = [join(import.meta.dirname, "assignors-round.ts"), name, String(count)];
  const { code, stdout, stderr } = await finished(spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] }));
  if (code !== 0) throw new Error(`${name} failed:\n${stdout}${stderr}`);
  return JSON.parse(stdout);
}

/** Each case in a process of its own: the median of the rounds after the first; where it assigns from nothing, the first one too. */
export async function assignors(rounds: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, what, published, most } of [...clientCases, ...mixedCases, ...serverCases]) {
    const [first = Number.NaN, ...warm] = await times(name, rounds + 1);
    const peer = published === undefined ? null : warm.map(() => published);
    const target = most === undefined ? undefined : ({ of: "value", most } as const);
    rows.push(row(what, "ms", warm, peer, target));
    if (!name.endsWith("/new")) continue;
    const peerOfFirst = published === undefined ? null : [published];
    rows.push(row("the same, for the first time in a process", "ms", [first], peerOfFirst, target));
  }
  return rows;
}
