import { apis, type ResponseValue } from "@ottla/protocol";
import { answeredError } from "./admin-errors.ts";
import { type AdminContext, Call, type CallOptions, checkOptions } from "./call.ts";
import { answersBy, drive, type Route } from "./drive.ts";
import { nodeRoute } from "./routes.ts";
import {
  type ConfigResourceType,
  type ConfigSource,
  type ConfigType,
  configResourceTypes,
  configSource,
  configType,
} from "./wire-names.ts";

/** What has settings: a topic, a broker (an empty name: all of them), a group, ... */
export interface ConfigResource {
  readonly type: ConfigResourceType;
  readonly name: string;
}

/** A resource whose settings are asked for. */
export interface DescribeConfigsResource extends ConfigResource {
  /** Only these settings. Default: all. */
  readonly keys?: readonly string[] | undefined;
}

/** One setting. */
export interface ConfigEntry {
  readonly name: string;
  /** Null where it is sensitive, or has none. */
  readonly value: string | null;
  readonly source: ConfigSource;
  /** Whether nobody has set it. */
  readonly isDefault: boolean;
  readonly readOnly: boolean;
  readonly sensitive: boolean;
  /** Where the value could come from, the first that counts; empty where it was not asked for. */
  readonly synonyms: readonly ConfigSynonym[];
  readonly type: ConfigType;
  /** Null where it was not asked for. */
  readonly documentation: string | null;
}

export interface ConfigSynonym {
  readonly name: string;
  readonly value: string | null;
  readonly source: ConfigSource;
}

export interface ConfigDescription extends ConfigResource {
  readonly configs: readonly ConfigEntry[];
}

export interface DescribeConfigsOptions extends CallOptions {
  /** Default false. */
  readonly includeSynonyms?: boolean | undefined;
  /** Default false; Kafka 2.6 and newer. */
  readonly includeDocumentation?: boolean | undefined;
}

/** A change of one setting: `append` and `subtract` are for lists. */
export type ConfigChange =
  | { readonly name: string; readonly operation: "set" | "append" | "subtract"; readonly value: string }
  | { readonly name: string; readonly operation: "delete" };

export interface AlterConfigsResource extends ConfigResource {
  readonly configs: readonly ConfigChange[];
}

export interface AlterConfigsOptions extends CallOptions {
  /** Only says whether the change could be made. Default false. */
  readonly validateOnly?: boolean | undefined;
}

const operationCodes = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

export async function describeConfigs(
  context: AdminContext,
  resources: readonly DescribeConfigsResource[],
  options: DescribeConfigsOptions,
): Promise<ConfigDescription[]> {
  checkOptions("describeConfigs", options, ["includeSynonyms", "includeDocumentation"]);
  const call = new Call(context, "describeConfigs", options);
  const { includeSynonyms = false, includeDocumentation = false } = options;
  return drive<DescribeConfigsResource, ConfigDescription>(call, resources, {
    route: resourceRoute(call),
    api: null,
    ask: async (target, some) => {
      const body = (version: number) => ({
        resources: some.map(({ type, name, keys }) => ({
          resourceType: configResourceTypes[type],
          resourceName: name,
          configurationKeys: keys ?? null,
        })),
        includeSynonyms,
        ...(version >= 3 ? { includeDocumentation } : {}),
      });
      const { response } = await call.send(target, apis.describeConfigs, body);
      return answersBy(some, ({ type, name }) => {
        const answer = response.results.find(isOf(type, name));
        if (answer === undefined) return undefined;
        const { errorCode, errorMessage } = answer;
        if (errorCode !== 0)
          return answeredError(errorCode, `Could not describe the settings of ${type} ${name}`, errorMessage);
        return { type, name, configs: answer.configs.map(describedEntry) };
      });
    },
  });
}

export async function incrementalAlterConfigs(
  context: AdminContext,
  resources: readonly AlterConfigsResource[],
  options: AlterConfigsOptions,
): Promise<void> {
  checkOptions("incrementalAlterConfigs", options, ["validateOnly"]);
  const call = new Call(context, "incrementalAlterConfigs", options);
  const { validateOnly = false } = options;
  await drive<AlterConfigsResource, null>(call, resources, {
    route: resourceRoute(call),
    api: null,
    ask: async (target, some) => {
      const body = {
        resources: some.map(({ type, name, configs }) => ({
          resourceType: configResourceTypes[type],
          resourceName: name,
          configs: configs.map((change) => ({
            name: change.name,
            configOperation: operationCodes[change.operation],
            value: change.operation === "delete" ? null : change.value,
          })),
        })),
        validateOnly,
      };
      const { response } = await call.send(target, apis.incrementalAlterConfigs, body);
      return answersBy(some, ({ type, name }) => {
        const answer = response.responses.find(isOf(type, name));
        if (answer === undefined) return undefined;
        const { errorCode, errorMessage } = answer;
        return errorCode === 0
          ? null
          : answeredError(errorCode, `Could not alter the settings of ${type} ${name}`, errorMessage);
      });
    },
  });
}

/** A named broker's settings are asked of that broker; all others of any. */
function resourceRoute<Item extends ConfigResource>(call: Call): Route<Item> {
  return nodeRoute(call, ({ type, name }) =>
    (type === "broker" || type === "brokerLogger") && /^\d+$/.test(name) ? Number(name) : null,
  );
}

function isOf(type: ConfigResourceType, name: string) {
  return (answer: { resourceType: number; resourceName: string }) =>
    answer.resourceType === configResourceTypes[type] && answer.resourceName === name;
}

type DescribedEntry = ResponseValue<typeof apis.describeConfigs>["results"][number]["configs"][number];
type CreatedEntry = NonNullable<ResponseValue<typeof apis.createTopics>["topics"][number]["configs"]>[number];

function describedEntry(entry: DescribedEntry): ConfigEntry {
  return {
    ...configEntry(entry),
    synonyms: entry.synonyms.map(({ name, value, source }) => ({ name, value, source: configSource(source) })),
    type: configType(entry.configType),
    documentation: entry.documentation,
  };
}

/** A setting as CreateTopics answers it: without synonyms, type and documentation. */
export function configEntry(entry: CreatedEntry | DescribedEntry): ConfigEntry {
  const { name, value, readOnly, isSensitive } = entry;
  const source = configSource(entry.configSource);
  return {
    ...{ name, value, source, readOnly, sensitive: isSensitive },
    isDefault: source === "DEFAULT_CONFIG",
    synonyms: [],
    type: "UNKNOWN",
    documentation: null,
  };
}
