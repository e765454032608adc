export { Broker } from "./broker.ts";
export { DataDirectoryError } from "./cluster/data-directory.ts";
export { MetadataDamagedError } from "./cluster/metadata-log.ts";
export { ConfigError } from "./config/definition.ts";
export { parseProperties } from "./config/properties-file.ts";
export type { BrokerOptions, BrokerSettings } from "./config.ts";
export type { NodeListener } from "./node.ts";
