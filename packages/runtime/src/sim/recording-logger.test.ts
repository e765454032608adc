import { expect, it } from "vitest";
import { recordingLogger } from "./recording-logger.ts";

it("keeps what it is told", () => {
  const logger = recordingLogger();
  logger.debug("one");
  logger.warn("two", { topic: "orders" });
  logger.error("three");
  expect(logger.logged[1]).toEqual({ level: "warn", message: "two", fields: { topic: "orders" } });
  expect(logger.messages()).toEqual(["one", "two", "three"]);
  expect(logger.messages("warn")).toEqual(["two", "three"]);
});
