import { apis } from "@ottla/protocol";
import { expect, it } from "vitest";
import { adminWorld } from "../../test/fake-admin.ts";

const serve = (features: object) => ({
  errorCode: 0,
  apiKeys: [
    { apiKey: apis.apiVersions.key, minVersion: 0, maxVersion: 4 },
    { apiKey: apis.metadata.key, minVersion: 0, maxVersion: 12 },
  ],
  ...features,
});

it("says which features there are, and which are switched on", async () => {
  const world = await adminWorld({ brokers: 2 });
  world.on(apis.apiVersions, (_, nodeId) =>
    serve({
      supportedFeatures: [
        { name: "metadata.version", minVersion: 7, maxVersion: 29 },
        { name: "group.version", minVersion: 0, maxVersion: nodeId },
      ],
      finalizedFeaturesEpoch: 11,
      finalizedFeatures: [
        { name: "metadata.version", maxVersionLevel: 29, minVersionLevel: 29 },
        { name: "group.version", maxVersionLevel: 1, minVersionLevel: 1 },
      ],
    }),
  );
  expect(await world.until(world.admin.describeFeatures({ nodeId: 2 }))).toEqual({
    supported: [
      { name: "group.version", minVersion: 0, maxVersion: 2 },
      { name: "metadata.version", minVersion: 7, maxVersion: 29 },
    ],
    finalized: [
      { name: "group.version", versionLevel: 1 },
      { name: "metadata.version", versionLevel: 29 },
    ],
    finalizedEpoch: 11,
  });
});

it("knows that a broker says nothing of features", async () => {
  const world = await adminWorld();
  world.on(apis.apiVersions, () => serve({}));
  expect(await world.until(world.admin.describeFeatures())).toEqual({
    ...{ supported: [], finalized: [], finalizedEpoch: null },
  });
});
