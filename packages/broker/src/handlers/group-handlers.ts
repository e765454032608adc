import { consumerGroupDescribe } from "./consumer-group-describe.ts";
import { consumerGroupHeartbeat } from "./consumer-group-heartbeat.ts";
import { deleteGroups } from "./delete-groups.ts";
import { describeGroups } from "./describe-groups.ts";
import type { Handler } from "./handler.ts";
import { heartbeat } from "./heartbeat.ts";
import { joinGroup } from "./join-group.ts";
import { leaveGroup } from "./leave-group.ts";
import { listGroups } from "./list-groups.ts";
import { offsetCommit } from "./offset-commit.ts";
import { offsetDelete } from "./offset-delete.ts";
import { offsetFetch } from "./offset-fetch.ts";
import { syncGroup } from "./sync-group.ts";

/** The APIs of consumer groups and their offsets. */
export const groupHandlers: readonly Handler[] = [
  joinGroup,
  syncGroup,
  heartbeat,
  leaveGroup,
  consumerGroupHeartbeat,
  offsetCommit,
  offsetFetch,
  offsetDelete,
  listGroups,
  describeGroups,
  consumerGroupDescribe,
  deleteGroups,
];
