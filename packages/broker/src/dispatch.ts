import {
  type Api,
  DecodeError,
  decode,
  decodeRequestHeader,
  encodeResponseFrame,
  type RequestHeader,
  type ResponseInput,
} from "@ottla/protocol";
import type { Logger } from "@ottla/runtime";
import type { ClusterState } from "./cluster-state.ts";
import type { Operation, RequestContext, ResourceType } from "./context.ts";
import type { GroupCoordinator } from "./coordinator/coordinator.ts";
import { unsupportedApiVersions } from "./handlers/api-versions.ts";
import { CloseConnectionError, type Handler } from "./handlers/handler.ts";
import { type ConnectionFate, type Interceptor, Interceptors, type VersionRange } from "./interceptor.ts";
import type { ServerConnection } from "./net/connection.ts";
import type { Exchange } from "./net/exchange.ts";
import type { Node, NodeListener } from "./node.ts";

const apiVersionsKey = 18;
const apiVersionsAnswered = 0;

/** Reads requests, finds the handler of each, sees to throttling, and sends what it answers. */
export class Dispatcher {
  private readonly node: Node;
  private readonly cluster: ClusterState;
  private readonly logger: Logger;
  private readonly byKey: (Handler | undefined)[] = [];
  private readonly interceptors: Interceptors;

  constructor(node: Node, cluster: ClusterState, handlers: readonly Handler[], interceptors = new Interceptors()) {
    this.node = node;
    this.interceptors = interceptors;
    this.cluster = cluster;
    this.logger = node.logger;
    const highest = Math.max(...handlers.map((handler) => handler.api.key));
    for (let key = 0; key <= highest; key++) this.byKey.push(handlers.find((handler) => handler.api.key === key));
  }

  /** See `Broker.intercept`. */
  intercept(interceptor: Interceptor): () => void {
    return this.interceptors.add(interceptor);
  }

  meet(connection: ServerConnection): ConnectionFate {
    return this.interceptors.meet(connection);
  }

  /** See `Handler.overlaps`. */
  overlaps(frame: Buffer): boolean {
    return this.interceptors.isEmpty && frame.length >= 2 && this.byKey[frame.readInt16BE(0)]?.overlaps === true;
  }

  /** Handles one request. What cannot be answered closes the connection. */
  dispatch(exchange: Exchange): void {
    try {
      this.handle(exchange);
    } catch (error) {
      this.fail(exchange, error);
    }
  }

  private handle(exchange: Exchange): void {
    const header = decodeRequestHeader(exchange.frame);
    exchange.connection.clientId = header.clientId;
    const handler = this.byKey[header.apiKey];
    const versions = handler === undefined ? null : this.interceptors.versionsOf(handler.api, handler.versions);
    if (handler === undefined || versions === null)
      throw new CloseConnectionError(`request of API ${header.apiKey}, which is not served`);
    const { apiVersion } = header;
    if (apiVersion < Math.max(handler.firstServed, versions[0]) || apiVersion > versions[1]) {
      this.refuseVersion(exchange, handler.api, versions, header);
      return;
    }
    const request = decode(handler.api.request, apiVersion, header.reader);
    header.reader.expectEnd();
    const context = new Context(exchange, header, this.node, this.cluster);
    const answer = this.interceptors.isEmpty
      ? handler.handle(request, context)
      : this.interceptors.answer(handler, request, context);
    if (answer instanceof Promise) {
      answer.then(
        (body) => this.answerLater(exchange, handler.api, header, body),
        (error) => this.fail(exchange, error),
      );
    } else {
      this.answer(exchange, handler.api, header, answer);
    }
  }

  private answerLater(exchange: Exchange, api: Api, header: RequestHeader, body: object | null): void {
    try {
      this.answer(exchange, api, header, body);
    } catch (error) {
      this.fail(exchange, error);
    }
  }

  private answer(exchange: Exchange, api: Api, header: RequestHeader, body: object | null): void {
    if (body === null) {
      exchange.respond(null);
      return;
    }
    // The one place where clients are slowed down; nobody is, until there are quotas.
    if ("throttleTimeMs" in api.response.fields) (body as { throttleTimeMs: number }).throttleTimeMs = 0;
    exchange.respond(encodeResponseFrame(api, header.apiVersion, header.correlationId, body as ResponseInput<Api>));
  }

  /** ApiVersions of a version that is not known is answered in one that everybody knows, so that the client can choose. */
  private refuseVersion(exchange: Exchange, api: Api, versions: VersionRange, header: RequestHeader): void {
    if (api.key !== apiVersionsKey) {
      throw new CloseConnectionError(`request of ${api.name} version ${header.apiVersion}, which is not served`);
    }
    const body = unsupportedApiVersions(versions) as ResponseInput<Api>;
    exchange.respond(encodeResponseFrame(api, apiVersionsAnswered, header.correlationId, body));
  }

  private fail(exchange: Exchange, error: unknown): void {
    const { connection } = exchange;
    if (error instanceof CloseConnectionError || error instanceof DecodeError) {
      connection.close(error.message);
    } else {
      const client = connection.address;
      this.logger.error("a request failed by a fault of the broker; its connection is closed", { client, error });
      connection.destroy();
    }
    exchange.keepFrame();
    // Whoever waits for the answer to be sent learns that it will not be.
    exchange.respond(null);
  }
}

class Context implements RequestContext {
  readonly node: Node;
  readonly cluster: ClusterState;
  readonly principal = "User:ANONYMOUS";
  private readonly exchange: Exchange;
  private readonly header: RequestHeader;

  constructor(exchange: Exchange, header: RequestHeader, node: Node, cluster: ClusterState) {
    this.exchange = exchange;
    this.header = header;
    this.node = node;
    this.cluster = cluster;
  }

  get groups(): GroupCoordinator {
    return this.node.groups;
  }

  get apiVersion(): number {
    return this.header.apiVersion;
  }

  get clientId(): string {
    return this.header.clientId ?? "";
  }

  get clientHost(): string {
    return `/${this.exchange.connection.address}`;
  }

  get listener(): NodeListener {
    return this.exchange.connection.listener;
  }

  get connection(): RequestContext["connection"] {
    return this.exchange.connection;
  }

  authorize(_operation: Operation, _resourceType: ResourceType, _resourceName: string): boolean {
    return true;
  }

  onSent(callback: () => void): void {
    this.exchange.onSent(callback);
  }
}
