import { expect, it } from "vitest";
import { parseProperties } from "./properties-file.ts";

it("reads a properties file as Java does", () => {
  const text = [
    "# a comment",
    "! another",
    "",
    "num.partitions=3",
    "  log.dirs : /tmp/a b  ",
    "broker.rack rack\\u0031",
    "listeners=PLAINTEXT://:9092,\\",
    "    OUTSIDE://:9093",
    "empty=",
    "alone",
    "a\\=b=c\\\\",
    "num.partitions=4",
    "tab=x\\ty",
  ].join("\r\n");
  expect(parseProperties(text)).toEqual({
    "num.partitions": "4",
    "log.dirs": "/tmp/a b  ",
    "broker.rack": "rack1",
    listeners: "PLAINTEXT://:9092,OUTSIDE://:9093",
    empty: "",
    alone: "",
    "a=b": "c\\",
    tab: "x\ty",
  });
  expect(() => parseProperties("a=\\u12")).toThrow("malformed");
});
