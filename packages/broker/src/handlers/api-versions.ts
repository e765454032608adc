import { apis, errorCodes } from "@ottla/protocol";
import { type Handler, handler, type ResponseBody } from "./handler.ts";

type Body = ResponseBody<typeof apis.apiVersions>;

/** What a client's name and version may look like (KIP-511). */
const softwarePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

/**
 * ApiVersions 0-4: the APIs that are served, with their versions. A version that is not known is answered by dispatch.
 * Gap: no features are announced, since none of those that Kafka has (transactions, KIP-848 groups, ...) is there.
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
    return { errorCode: errorCodes.NONE, apiKeys: apiKeys.sort((a, b) => a.apiKey - b.apiKey) };
  });
}

/** The answer, in version 0, to an ApiVersions request of a version that is not known: which versions of it are. */
export function unsupportedApiVersions([minVersion, maxVersion]: readonly [number, number]): Body {
  return {
    errorCode: errorCodes.UNSUPPORTED_VERSION,
    apiKeys: [{ apiKey: apis.apiVersions.key, minVersion, maxVersion }],
  };
}
