import { errorCodes } from "@ottla/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { FetchSession, type FetchTarget } from "./fetch-session.ts";

function target(partition: number, fetchOffset: number, overrides: Partial<FetchTarget> = {}): FetchTarget {
  return { topic: "t", topicId: "id", partition, fetchOffset, leaderEpoch: 1, maxBytes: 100, version: 0, ...overrides };
}

function sent(
  session: FetchSession,
  targets: FetchTarget[],
): { send: number[]; forget: number[]; id: number; epoch: number } {
  const plan = session.plan(targets);
  return {
    send: plan.send.map(({ partition }) => partition),
    forget: plan.forget.map(({ partition }) => partition),
    id: plan.sessionId,
    epoch: plan.sessionEpoch,
  };
}

describe("a fetch session", () => {
  let session: FetchSession;
  beforeEach(() => {
    session = new FetchSession();
  });

  test("starts in full, then says only what has changed", () => {
    expect(sent(session, [target(0, 0), target(1, 0)])).toEqual({ send: [0, 1], forget: [], id: 0, epoch: 0 });
    expect(session.answered(0, 77)).toBe(true);
    expect(sent(session, [target(0, 5), target(1, 0)])).toEqual({ send: [0], forget: [], id: 77, epoch: 1 });
    session.answered(0, 77);
    expect(sent(session, [target(0, 5), target(1, 0)])).toEqual({ send: [], forget: [], id: 77, epoch: 2 });
    session.answered(0, 77);
    expect(sent(session, [target(1, 0), target(2, 0)])).toEqual({ send: [2], forget: [0], id: 77, epoch: 3 });
    session.answered(0, 77);
    expect(sent(session, [target(1, 0, { leaderEpoch: 2 }), target(2, 0)])).toMatchObject({ send: [1] });
    expect(session.target("t", 2)?.fetchOffset).toBe(0);
  });

  test("without a session every fetch is a full one", () => {
    session.plan([target(0, 0)]);
    session.answered(0, 0);
    expect(sent(session, [target(0, 0)])).toEqual({ send: [0], forget: [], id: 0, epoch: 0 });
  });

  test("a session that the broker forgot starts anew", () => {
    session.plan([target(0, 0)]);
    session.answered(0, 77);
    session.plan([target(0, 0)]);
    expect(session.answered(errorCodes.FETCH_SESSION_ID_NOT_FOUND, 0)).toBe(false);
    expect(sent(session, [target(0, 0)])).toEqual({ send: [0], forget: [], id: 0, epoch: 0 });
  });

  test.each([errorCodes.INVALID_FETCH_SESSION_EPOCH, errorCodes.FETCH_SESSION_TOPIC_ID_ERROR])(
    "after %i the old session is closed by a new one",
    (code) => {
      session.plan([target(0, 0)]);
      session.answered(0, 77);
      session.plan([target(0, 0)]);
      session.answered(code, 0);
      expect(sent(session, [target(0, 0)])).toEqual({ send: [0], forget: [], id: 77, epoch: 0 });
    },
  );

  test("the same without an answer", () => {
    session.plan([target(0, 0)]);
    session.answered(0, 77);
    session.plan([target(0, 3)]);
    session.failed();
    expect(sent(session, [target(0, 3)])).toEqual({ send: [0], forget: [], id: 77, epoch: 0 });
  });

  test("a topic that was created anew leaves under its old id and comes under its new one", () => {
    session.plan([target(0, 0)]);
    session.answered(0, 77);
    const plan = session.plan([target(0, 0, { topicId: "new" })]);
    expect(plan.forget.map(({ topicId }) => topicId)).toEqual(["id"]);
    expect(plan.send.map(({ topicId }) => topicId)).toEqual(["new"]);
    expect(session.topicName("new")).toBe("t");
  });

  test("names and ids do not mix", () => {
    expect(session.plan([target(0, 0)]).usesTopicIds).toBe(true);
    session.answered(0, 77);
    const plan = session.plan([target(0, 0), target(1, 0, { topic: "u", topicId: null })]);
    expect(plan).toMatchObject({ usesTopicIds: false, sessionId: 77, sessionEpoch: 0 });
    expect(plan.send).toHaveLength(2);
  });

  test("ends", () => {
    expect(session.planEnd()).toBeNull();
    session.plan([target(0, 0)]);
    session.answered(0, 77);
    expect(session.planEnd()).toMatchObject({ sessionId: 77, sessionEpoch: -1 });
  });
});
