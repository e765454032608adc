import { apis } from "@ottla/protocol";
import type { Answer, AnyApi, Body, ResponseOf, VersionRange } from "./api.ts";
import { kafkaError, UnsupportedVersionError } from "./errors.ts";

/** The versions that a broker serves, by API key. */
export type ApiRanges = ReadonlyMap<number, VersionRange>;

/** What the versions are asked of: a connection that has none yet. */
interface Asked {
  readonly name: string;
  requestAt<A extends AnyApi>(api: A, version: number, body: Body<A>): Promise<Answer<A>>;
}

/** What brokers see of us (KIP-511). */
export const clientSoftware = { clientSoftwareName: "ottla", clientSoftwareVersion: "0.1.0" };

const unsupportedVersion = 35;

/**
 * Asks for the broker's versions: in our newest version of ApiVersions first, and where the broker refuses that in the newest that it names in its refusal (version 0 where it names none).
 */
export async function negotiate(connection: Asked): Promise<ApiRanges> {
  const api = apis.apiVersions;
  let answer = await ask(connection, api.request.maxVersion);
  if (answer.errorCode === unsupportedVersion) {
    const offered = answer.apiKeys.find((range) => range.apiKey === api.key);
    answer = await ask(connection, Math.min(offered?.maxVersion ?? 0, api.request.maxVersion - 1));
  }
  if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, `Could not agree on versions with ${connection.name}`);
  const ranges = new Map<number, VersionRange>();
  for (const { apiKey, minVersion, maxVersion } of answer.apiKeys)
    ranges.set(apiKey, { min: minVersion, max: maxVersion });
  return ranges;
}

async function ask(connection: Asked, version: number): Promise<ResponseOf<typeof apis.apiVersions>> {
  const body = version >= 3 ? clientSoftware : {};
  return (await connection.requestAt(apis.apiVersions, version, body)).response;
}

/** The versions that both sides know; null where there are none. */
export function commonRange(api: AnyApi, ranges: ApiRanges): VersionRange | null {
  const theirs = ranges.get(api.key);
  if (theirs === undefined) return null;
  const min = Math.max(api.request.minVersion, theirs.min);
  const max = Math.min(api.request.maxVersion, theirs.max);
  return min <= max ? { min, max } : null;
}

/** The highest version that both sides and the caller allow. Throws an `UnsupportedVersionError` that says who allows what. */
export function chooseVersion(
  api: AnyApi,
  ranges: ApiRanges,
  wanted: { readonly minVersion?: number | undefined; readonly maxVersion?: number | undefined },
  name: string,
): number {
  const { minVersion = api.request.minVersion, maxVersion = api.request.maxVersion } = wanted;
  const common = commonRange(api, ranges);
  const version = common === null ? -1 : Math.min(common.max, maxVersion);
  if (common !== null && version >= Math.max(common.min, minVersion)) return version;
  const theirs = ranges.get(api.key);
  const served = theirs === undefined ? "does not serve it" : `serves versions ${theirs.min} to ${theirs.max}`;
  const ours = `${Math.max(minVersion, api.request.minVersion)} to ${Math.min(maxVersion, api.request.maxVersion)}`;
  throw new UnsupportedVersionError(`${api.name} is needed in version ${ours}, but ${name} ${served}`);
}
