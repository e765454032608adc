import { styleText } from "node:util";
import { sleep } from "@ottla/runtime";
import { Cast, colored, shown, type Theatre } from "./cast.ts";
import type { Member } from "./member-process.ts";
import type { Write } from "./stage.ts";

const group = "order-processing-group";
const orderIntervalMs = 1000;

/** After the walk-through: three consumers and a trickle of orders for everybody who wants to look or to join, until the signal. */
export async function encore(theatre: Theatre, write: Write): Promise<void> {
  const cast = new Cast(theatre);
  const members = ["consumer-1", "consumer-2", "consumer-3"].map((name) => cast.join(group, name));
  try {
    await cast.until(() => members.every(({ assignment }) => assignment?.length === 2));
    explain(theatre.bootstrapServers, write);
    tellChanges(cast, members, write);
    for (;;) {
      await cast.sendOrders(1);
      cast.placed.length = 0;
      await sleep(theatre.clock, orderIntervalMs, theatre.signal);
    }
  } catch (error) {
    if (!theatre.signal.aborted) throw error;
  } finally {
    await cast.close();
  }
}

function explain(bootstrapServers: string, write: Write): void {
  const isDefault = bootstrapServers === "localhost:9092";
  const server = isDefault ? "" : ` --bootstrap-server ${bootstrapServers}`;
  const environment = isDefault ? "" : `BOOTSTRAP_SERVERS=${bootstrapServers} `;
  const command = (text: string) => write(`   ${styleText("cyan", text)}`);
  write("");
  write(styleText("bold", "The stage is yours"));
  write(`Three consumers of ${group} go on, and every second there is an order. From another terminal, look:`);
  command(`npx kafka-topics --bootstrap-server ${bootstrapServers} --describe --topic order-events`);
  command(`npx kafka-consumer-groups --bootstrap-server ${bootstrapServers} --describe --group ${group}`);
  command(`npx ottla lag ${group} --watch${server}`);
  command(`npx ottla consume order-events --from-beginning${server}`);
  write("join the group, and see partitions move:");
  command(`${environment}npm run example -- consumer-group --id 4`);
  write(`or connect any Kafka client to ${bootstrapServers}. Ctrl-C ends it all.`);
}

/** A line whenever somebody has got other partitions than before. */
function tellChanges(cast: Cast, members: readonly Member[], write: Write): void {
  const owned = new Map(members.map((member) => [member, shown(member.assignment)]));
  cast.onChange(() => {
    for (const member of members) {
      const given = member.changes.findLast(({ event }) => event === "assigned");
      member.handled.length = 0;
      member.changes.length = 0;
      const before = owned.get(member);
      const now = given === undefined ? before : shown(given.owned);
      if (now === undefined || now === before) continue;
      owned.set(member, now);
      write(colored(member, `${member.name} owns ${now} (before: ${before})`));
    }
  });
}
