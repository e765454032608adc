import { apis } from "@ottla/protocol";
import { clientSoftware } from "../api-versions.ts";
import { answeredError } from "./admin-errors.ts";
import { type AdminContext, Call, type CallOptions, checkOptions } from "./call.ts";
import { drive } from "./drive.ts";
import { nodeRoute } from "./routes.ts";

/** A feature with the levels that a broker could have (KIP-584). */
export interface SupportedFeature {
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** A feature that the whole cluster has switched on. */
export interface FinalizedFeature {
  readonly name: string;
  /** The level that the cluster is at. */
  readonly versionLevel: number;
}

export interface FeatureMetadata {
  /** By name. */
  readonly supported: readonly SupportedFeature[];
  /** By name; a feature that is off (level 0) is not among them. */
  readonly finalized: readonly FinalizedFeature[];
  /** Raised by each change of the finalized features; null where the broker does not know them. */
  readonly finalizedEpoch: number | null;
}

export interface DescribeFeaturesOptions extends CallOptions {
  /** The broker to ask. Default: any. */
  readonly nodeId?: number | undefined;
}

export async function describeFeatures(
  context: AdminContext,
  options: DescribeFeaturesOptions,
): Promise<FeatureMetadata> {
  checkOptions("describeFeatures", options, ["nodeId"]);
  const call = new Call(context, "describeFeatures", options);
  const asked = [options.nodeId ?? null];
  const [features] = await drive<number | null, FeatureMetadata>(call, asked, {
    route: nodeRoute(call, (nodeId) => nodeId),
    api: null,
    ask: async (target, [nodeId = null]) => {
      const { response } = await call.send(target, apis.apiVersions, clientSoftware, { minVersion: 3 });
      const { errorCode, supportedFeatures, finalizedFeatures, finalizedFeaturesEpoch: epoch } = response;
      if (errorCode !== 0) return new Map([[nodeId, answeredError(errorCode, "Could not describe the features")]]);
      const described = {
        supported: supportedFeatures.toSorted(byName),
        finalized: finalizedFeatures
          .map(({ name, maxVersionLevel }) => ({ name, versionLevel: maxVersionLevel }))
          .sort(byName),
        finalizedEpoch: epoch < 0 ? null : epoch,
      };
      return new Map([[nodeId, described]]);
    },
  });
  return features!;
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
