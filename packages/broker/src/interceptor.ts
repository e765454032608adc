import { type Api, apiByKey, apis, type ResponseInput } from "@ottla/protocol";
import type { RequestContext } from "./context.ts";
import { type Answer, CloseConnectionError, type Handler } from "./handlers/handler.ts";
import type { ServerConnection } from "./net/connection.ts";

/** First and last version of an API. */
export type VersionRange = readonly [first: number, last: number];

/** What becomes of a new connection: it is taken, closed at once, or frozen (see `ServerConnection.freeze`). */
export type ConnectionFate = "take" | "refuse" | "swallow";

/** A decoded request on its way to its handler. */
export interface InterceptedRequest {
  readonly api: Api;
  readonly request: object;
  readonly context: RequestContext;
  /** Lets the broker answer the request, or another one of the same API in its place. Null: no answer, as with acks=0. */
  handle(request?: object): Promise<object | null>;
}

/**
 * Stands between the connections and the handlers, for tests: sees every request and decides what is answered, and when. `@ottla/testkit` makes something
 * friendlier of it. While one is installed the requests of a connection are handled strictly one after the other.
 */
export interface Interceptor {
  /** The versions to announce and to serve in place of the broker's; null for an API that is not to be served. Left out: the broker's own. */
  versions?(api: Api, served: VersionRange): VersionRange | null;
  /** What becomes of a new connection. Left out: it is taken. */
  connect?(connection: ServerConnection): ConnectionFate;
  /**
   * What to answer. Null sends nothing, and the connection's next request is taken all the same; a `CloseConnectionError` closes the connection. Left out: what the broker answers.
   */
  answer?(intercepted: InterceptedRequest): Answer<object>;
}

/** The interceptors of a broker. The one installed last is asked first, and what it lets the broker handle goes through those before it. */
export class Interceptors {
  private installed: readonly Interceptor[] = [];

  get isEmpty(): boolean {
    return this.installed.length === 0;
  }

  /** Installs one; returns the way to take it out again. */
  add(interceptor: Interceptor): () => void {
    this.installed = [...this.installed, interceptor];
    return () => {
      this.installed = this.installed.filter((other) => other !== interceptor);
    };
  }

  /** The versions of an API that are served; null for none. */
  versionsOf(api: Api, served: VersionRange): VersionRange | null {
    let range: VersionRange | null = served;
    for (const interceptor of this.installed) {
      if (range !== null && interceptor.versions !== undefined) range = interceptor.versions(api, range);
    }
    return range;
  }

  /** What becomes of a new connection: the worst that anybody has for it. */
  meet(connection: ServerConnection): ConnectionFate {
    const fates = this.installed.map((interceptor) => interceptor.connect?.(connection));
    return fates.find((fate) => fate === "refuse") ?? fates.find((fate) => fate === "swallow") ?? "take";
  }

  /** What is answered to a request. */
  async answer(handler: Handler, request: object, context: RequestContext): Promise<object | null> {
    const { installed } = this;
    const answerFrom = async (index: number, body: object): Promise<object | null> => {
      const interceptor = installed[index];
      if (interceptor === undefined) return this.narrow(handler.api, await this.handle(handler, body, context));
      const handle = (other = body) => answerFrom(index - 1, other);
      if (interceptor.answer === undefined) return handle();
      return interceptor.answer({ api: handler.api, request: body, context, handle });
    };
    return answerFrom(installed.length - 1, request);
  }

  private handle(handler: Handler, body: object, context: RequestContext): Answer<object> {
    // It may have been held until after the broker's death.
    if (context.node.isDead) throw new CloseConnectionError("the broker has been killed");
    return handler.handle(body, context);
  }

  /** Announces what is served. */
  private narrow(api: Api, answer: object | null): object | null {
    if (api.key !== apis.apiVersions.key || answer === null) return answer;
    const body = answer as ResponseInput<typeof apis.apiVersions>;
    const apiKeys = body.apiKeys.flatMap(({ apiKey, minVersion, maxVersion }) => {
      const range = this.versionsOf(apiByKey(apiKey)!, [minVersion, maxVersion]);
      return range === null ? [] : [{ apiKey, minVersion: range[0], maxVersion: range[1] }];
    });
    return { ...body, apiKeys };
  }
}
