import { apis, errorCodes } from "@ottla/protocol";
import { handler, type ResponseBody } from "./handler.ts";
import { ledPartition } from "./partitions.ts";

/** OffsetForLeaderEpoch 2-4 (KIP-101): where an epoch ended, so that a client can see whether the log was cut behind its back. */
export const offsetForLeaderEpoch = handler(
  apis.offsetForLeaderEpoch,
  [2, 4],
  (request, context): ResponseBody<typeof apis.offsetForLeaderEpoch> => ({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition: index, currentLeaderEpoch, leaderEpoch }) => {
        if (!context.authorize("describe", "topic", topic)) {
          return { partition: index, errorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED };
        }
        const partition = ledPartition(context.cluster.topic(topic), index, context);
        if (typeof partition === "number") return { partition: index, errorCode: partition };
        const wrongEpoch = partition.checkLeaderEpoch(currentLeaderEpoch);
        if (wrongEpoch !== errorCodes.NONE) return { partition: index, errorCode: wrongEpoch };
        return { partition: index, ...partition.offsetForLeaderEpoch(leaderEpoch) };
      }),
    })),
  }),
);
