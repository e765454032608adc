import type { ClusterState } from "./cluster-state.ts";
import type { GroupCoordinator } from "./coordinator/coordinator.ts";
import type { Node, NodeListener } from "./node.ts";

/** What may be done to a resource (Kafka's `AclOperation`). */
export type Operation =
  | "read"
  | "write"
  | "create"
  | "delete"
  | "alter"
  | "describe"
  | "clusterAction"
  | "describeConfigs"
  | "alterConfigs"
  | "idempotentWrite";

/** What an operation is done to (Kafka's `ResourceType`). */
export type ResourceType = "topic" | "group" | "cluster" | "transactionalId";

/** The name of the one resource of type `cluster`. */
export const clusterResource = "kafka-cluster";

/** The connection that a request came in on, as far as a handler may know it. */
export interface RequestConnection {
  /** Unique while the broker runs. */
  readonly id: number;
  /** True once the peer is gone: an answer would go nowhere. */
  readonly closed: boolean;
  /** Calls back once when the connection is over (never if it already is). Returns the way to stop it. */
  onClose(listener: () => void): () => void;
}

/** Everything that a handler knows of a request besides its body. */
export interface RequestContext {
  /** The version of the API that the request was sent in and is answered in. */
  readonly apiVersion: number;
  /** As the client calls itself; an empty string where it sent null. */
  readonly clientId: string;
  /** The client's address as Kafka shows it: `/127.0.0.1`. */
  readonly clientHost: string;
  /** The listener that the connection was accepted on. */
  readonly listener: NodeListener;
  /** `User:ANONYMOUS` until there is authentication. */
  readonly principal: string;
  readonly connection: RequestConnection;
  /** What is this broker's own: its id, its settings, its fetch sessions, whether it is closing. */
  readonly node: Node;
  /** What is the cluster's: topics, settings, who leads what. */
  readonly cluster: ClusterState;
  /** This broker's coordinator of groups: it answers NOT_COORDINATOR for those that another broker coordinates. */
  readonly groups: GroupCoordinator;
  /** Whether the principal may do this. Everything is allowed until there are ACLs; handlers ask for every resource all the same. */
  authorize(operation: Operation, resourceType: ResourceType, resourceName: string): boolean;
  /** Calls back once when the bytes of this request's answer are with the system, or the connection is over: the time to give buffers back. */
  onSent(callback: () => void): void;
}
