import { apis, errorCodes } from "@ottla/protocol";
import { type Handler, handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.apiVersions>;

/** What a client's name and version may look like (KIP-511). */
const softwarePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

/** Of Kafka's features the one that is there: groups of KIP-848. Without `transaction.version` Java's producers keep to the first version of transactions. */
const features = [{ name: "group.version", minVersion: 0, maxVersion: 1, level: 1 }] as const;

/** Before this version a client takes a feature whose lowest level is 0 for a fault: Kafka leaves those out (KIP-1022). */
const firstVersionWithLevelZero = 4;

/**
 * ApiVersions 0-4: the APIs that are served, with their versions, and the cluster's features. A version that is not known is answered by dispatch.
 * Gap: feature levels are fixed (there is no UpdateFeatures), so their epoch is always 0.
 */
export function apiVersions(served: () => readonly Handler[]): Handler {
  return handler(apis.apiVersions, [0, 4], (request, context): Body => {
    const isNamed = context.apiVersion >= 3;
    const { clientSoftwareName, clientSoftwareVersion } = request;
    if (isNamed && !(softwarePattern.test(clientSoftwareName) && softwarePattern.test(clientSoftwareVersion))) {
      return { errorCode: errorCodes.INVALID_REQUEST, apiKeys: [] };
    }
    const apiKeys = served().map(({ api, versions }) => ({
      apiKey: api.key,
      minVersion: versions[0],
      maxVersion: versions[1],
    }));
    return {
      errorCode: errorCodes.NONE,
      apiKeys: apiKeys.sort((a, b) => a.apiKey - b.apiKey),
      supportedFeatures: features.filter(
        ({ minVersion }) => minVersion > 0 || context.apiVersion >= firstVersionWithLevelZero,
      ),
      finalizedFeatures: features.map(({ name, level }) => ({ name, maxVersionLevel: level, minVersionLevel: level })),
      finalizedFeaturesEpoch: 0,
    };
  });
}

/** The answer, in version 0, to an ApiVersions request of a version that is not known: which versions of it are. */
export function unsupportedApiVersions([minVersion, maxVersion]: readonly [number, number]): Body {
  return {
    errorCode: errorCodes.UNSUPPORTED_VERSION,
    apiKeys: [{ apiKey: apis.apiVersions.key, minVersion, maxVersion }],
  };
}
