/** What the commands of `ottla` are given on the command line. */
import type { GroupState, GroupType } from "@ottla/client";

/** How a command reaches the cluster, and for whom it prints. */
export interface ConnectionOptions {
  readonly bootstrapServer: string;
  readonly clientConfig?: string;
  /** In milliseconds. */
  readonly timeout: number;
  readonly json?: boolean;
}

/** What `ottla broker` was given. */
export interface BrokerCommandOptions {
  readonly port?: number;
  readonly host?: string;
  readonly dataDir?: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly configFile?: string;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
  readonly logFormat: "text" | "json";
}

export interface ListTopicsOptions extends ConnectionOptions {
  readonly internal?: boolean;
}

export interface CreateTopicOptions extends ConnectionOptions {
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly config?: Readonly<Record<string, string>>;
  readonly ifNotExists?: boolean;
}

export interface AlterTopicOptions extends ConnectionOptions {
  readonly partitions?: number;
  readonly set?: Readonly<Record<string, string>>;
  readonly unset?: readonly string[];
}

export interface ListGroupsCommandOptions extends ConnectionOptions {
  readonly type?: readonly GroupType[];
  readonly state?: readonly GroupState[];
}

export interface AlterGroupOptions extends ConnectionOptions {
  readonly set?: Readonly<Record<string, string>>;
  readonly unset?: readonly string[];
}

export interface ResetGroupOptions extends ConnectionOptions {
  readonly to: string;
  readonly topic?: readonly string[];
  readonly allTopics?: boolean;
  readonly execute?: boolean;
}

export interface ProduceOptions extends ConnectionOptions {
  readonly key?: string;
  readonly keySeparator?: string;
  readonly header?: readonly string[];
  readonly partition?: number;
  readonly compression: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  readonly input: "text" | "json";
}

export interface ConsumeOptions extends ConnectionOptions {
  readonly group?: string;
  readonly fromBeginning?: boolean;
  readonly count?: number;
  readonly partition?: readonly number[];
  readonly offset?: number;
  readonly untilEnd?: boolean;
}

export interface LagOptions extends ConnectionOptions {
  /** In seconds; true for the default interval. */
  readonly watch?: number | true;
}

export interface DemoCommandOptions {
  readonly once?: boolean;
  readonly port: number;
}

export interface RepairOptions {
  readonly dataDir: string;
  readonly json?: boolean;
}
