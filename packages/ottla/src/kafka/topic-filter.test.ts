import { describe, expect, it } from "vitest";
import { topicFilter } from "./topic-filter.ts";

const topics = ["Orders", "app.events", "app_other", "plain", "__consumer_offsets"];
const matching = (include: string | undefined, excludeInternal = false) =>
  topics.filter(topicFilter(include, excludeInternal));

describe("the topics that --topic asks for", () => {
  it("takes a regular expression for the whole name, a comma for an or", () => {
    expect(matching("app.*")).toEqual(["app.events", "app_other"]);
    expect(matching("app")).toEqual([]);
    expect(matching("plain, Orders")).toEqual(["Orders", "plain"]);
    expect(matching("'plain'")).toEqual(["plain"]);
    expect(matching(undefined)).toEqual(topics);
  });

  it("leaves internal topics out when asked to", () => {
    expect(matching(".*", true)).toEqual(["Orders", "app.events", "app_other", "plain"]);
    expect(matching(undefined, true)).not.toContain("__consumer_offsets");
  });

  it("refuses a broken expression", () => {
    expect(() => matching("a(")).toThrow("a( is an invalid regex.");
  });
});
