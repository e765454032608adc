import type { Settings } from "../config/settings.ts";
import type { LogConfig } from "../log/config.ts";
import type { Partition } from "../log/partition.ts";
import { isInternalTopic, type Topic } from "./topic.ts";
import { logConfigOf } from "./topic-configs.ts";

/** A topic with its partitions, as the cluster changes it. */
export class LiveTopic implements Topic {
  readonly name: string;
  readonly id: string;
  readonly isInternal: boolean;
  readonly partitions: Partition[] = [];
  configOverrides: ReadonlyMap<string, string>;
  config: LogConfig;

  constructor(name: string, id: string, overrides: ReadonlyMap<string, string>, settings: Settings) {
    this.name = name;
    this.id = id;
    this.isInternal = isInternalTopic(name);
    this.configOverrides = overrides;
    this.config = logConfigOf(overrides, settings);
  }

  configure(overrides: ReadonlyMap<string, string>, settings: Settings): void {
    this.configOverrides = overrides;
    this.config = logConfigOf(overrides, settings);
  }
}
