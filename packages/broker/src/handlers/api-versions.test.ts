import { expect, it } from "vitest";
import type { RequestContext } from "../context.ts";
import { apiVersions } from "./api-versions.ts";

it("announces the features that there are, and those with a level 0 only to clients that bear it", () => {
  const { handle } = apiVersions(() => []);
  const ask = (apiVersion: number) =>
    handle({ clientSoftwareName: "a", clientSoftwareVersion: "1" }, { apiVersion } as RequestContext);
  const finalizedFeatures = [{ name: "group.version", maxVersionLevel: 1, minVersionLevel: 1 }];
  expect(ask(4)).toMatchObject({
    supportedFeatures: [{ name: "group.version", minVersion: 0, maxVersion: 1 }],
    finalizedFeatures,
    finalizedFeaturesEpoch: 0,
  });
  expect(ask(3)).toMatchObject({ supportedFeatures: [], finalizedFeatures });
});
