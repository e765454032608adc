import type { ApiName } from "./api-names.ts";
import type { Interceptable } from "./intercept.ts";
import { highestVersions, type KafkaRelease } from "./kafka-releases.ts";

/** Versions of an API, both ends included; null: not served at all. */
export type VersionLimit = readonly [first: number, last: number] | null;

/**
 * Lets a broker pass for an older one: it announces and serves only the versions that a release of Apache Kafka has, or that are given for each API. What is not given stays as it is; what the
 * broker does not have itself it does not get. For connections made from now on. Returns the way to undo it.
 *
 * ```ts
 * limitVersions(broker, "2.8");
 * limitVersions(broker, { FETCH: [4, 11], INCREMENTAL_ALTER_CONFIGS: null });
 * ```
 */
export function limitVersions(
  broker: Interceptable,
  limits: KafkaRelease | { readonly [Name in ApiName]?: VersionLimit },
): () => void {
  const limitOf = typeof limits === "string" ? releaseLimit(limits) : (name: ApiName) => limits[name];
  return broker.intercept({
    versions(api, served) {
      const limit = limitOf(api.name as ApiName);
      if (limit === undefined) return served;
      if (limit === null) return null;
      const [first, last] = [Math.max(served[0], limit[0]), Math.min(served[1], limit[1])];
      return first <= last ? [first, last] : null;
    },
  });
}

function releaseLimit(release: KafkaRelease): (name: ApiName) => VersionLimit {
  const highest = highestVersions(release);
  return (name) => {
    const last = highest[name];
    return last === undefined ? null : [0, last];
  };
}
