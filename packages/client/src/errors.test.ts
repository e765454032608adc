import { describe, expect, it } from "vitest";
import * as errors from "./errors.ts";

const { kafkaError } = errors;

describe("errors of brokers", () => {
  it("say what was asked, what came back, and what the broker said beside it", () => {
    const plain = kafkaError(6, "Could not append to partition 1 of topic t");
    expect(plain).toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER", errorCode: 6, retriable: true, serverMessage: null });
    expect(plain.message).toMatch(/^Could not append to partition 1 of topic t: NOT_LEADER_OR_FOLLOWER: \w/);
    const said = kafkaError(36, "Could not create topic t", { serverMessage: "Topic 't' already exists." });
    expect(said.message).toBe("Could not create topic t: Topic 't' already exists. (TOPIC_ALREADY_EXISTS)");
    expect(said).toMatchObject({
      retriable: false,
      serverMessage: "Topic 't' already exists.",
      possiblyPersisted: false,
    });
  });

  it.each([
    [1, "OffsetOutOfRangeError"],
    [3, "UnknownTopicOrPartitionError"],
    [7, "TimeoutError"],
    [10, "RecordTooLargeError"],
    [22, "IllegalGenerationError"],
    [25, "UnknownMemberIdError"],
    [27, "RebalanceInProgressError"],
    [29, "AuthorizationError"],
    [35, "UnsupportedVersionError"],
    [82, "FencedInstanceIdError"],
    [90, "ProducerFencedError"],
    [55, "KafkaError"],
    [9999, "KafkaError"],
  ])("have a class where a caller can act on them (%i)", (code, name) => {
    const error = kafkaError(code, "Could not do it");
    expect(error).toBeInstanceOf(errors.KafkaError);
    expect([error.name, error.errorCode]).toEqual([name, code]);
  });

  it("keep their code whatever the details say", () => {
    const cause = new Error("why");
    expect(kafkaError(6, "x", { code: "OTHER", errorCode: 7, cause })).toMatchObject({
      code: "NOT_LEADER_OR_FOLLOWER",
      errorCode: 6,
      cause,
    });
  });

  it("are told apart from others", () => {
    expect(errors.isRetriableError(new errors.ConnectionError("lost"))).toBe(true);
    expect(errors.isRetriableError(new errors.ClosedError("closed"))).toBe(false);
    expect(errors.isRetriableError(new TypeError("a bug"))).toBe(false);
  });
});
