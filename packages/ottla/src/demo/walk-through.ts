import { Cast, type Theatre } from "./cast.ts";
import { commitStrategies, lag, rebalanceListener } from "./commit-steps.ts";
import { consumerDies, createTopic, produceOrders, singleConsumer, threeConsumers } from "./group-steps.ts";
import { customStrategy, staticMember } from "./membership-steps.ts";
import type { Stage } from "./stage.ts";
import { strategies } from "./strategy-steps.ts";

/** Plays the tutorial against a broker, with real consumers in real processes; the stage knows in the end what was not as it should be. */
export async function walkThrough(theatre: Theatre, stage: Stage): Promise<void> {
  const cast = new Cast(theatre);
  try {
    await createTopic(stage, cast);
    await produceOrders(stage, cast);
    const first = await singleConsumer(stage, cast);
    const members = await threeConsumers(stage, cast, first);
    const left = await consumerDies(stage, cast, members);
    await Promise.all(left.map((member) => cast.leave(member)));
    await strategies(stage, cast);
    await customStrategy(stage, cast);
    await staticMember(stage, cast);
    await commitStrategies(stage, cast);
    await rebalanceListener(stage, cast);
    await lag(stage, cast);
  } finally {
    await cast.close();
  }
}
