import { assert } from "@ottla/runtime";
import type { HeldAnswer } from "./commit-gate.ts";
import type { Reply, ReplyKind } from "./group-events.ts";

/** Who has asked for something and has no answer yet. */
interface WaitingRequest {
  readonly kind: ReplyKind;
  resolve(reply: Reply): void;
  refuse(errorCode: number): void;
}

/** Requests that the machine has not answered, by ticket. */
export class WaitingRequests {
  private readonly byTicket = new Map<number, WaitingRequest>();
  private nextTicket = 1;

  /** Returns the ticket. */
  add(request: WaitingRequest): number {
    const ticket = this.nextTicket++;
    this.byTicket.set(ticket, request);
    return ticket;
  }

  /** The machine has answered: what is left to do. Null where nobody waits any more (the coordinator is being closed). */
  take(reply: Reply): HeldAnswer | null {
    const request = this.byTicket.get(reply.ticket);
    if (request === undefined) return null;
    assert(request.kind === reply.kind, "an answer goes to who asked");
    this.byTicket.delete(reply.ticket);
    return { deliver: () => request.resolve(reply), refuse: (errorCode) => request.refuse(errorCode) };
  }

  refuseAll(errorCode: number): void {
    const requests = [...this.byTicket.values()];
    this.byTicket.clear();
    for (const request of requests) request.refuse(errorCode);
  }
}
