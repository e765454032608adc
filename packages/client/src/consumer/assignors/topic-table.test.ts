import { expect, test } from "vitest";
import { TopicTable } from "./topic-table.ts";

test("a topic is found by its name and by the bytes of its name, and by nothing else", () => {
  const names = [...Array.from({ length: 500 }, (_, n) => `orders-${n}`), "", "größe"];
  const table = new TopicTable(names);
  names.forEach((name, number) => {
    const bytes = Buffer.from(`<${name}>`);
    expect(table.find(name)).toBe(number);
    expect(table.findBytes(bytes, 1, bytes.length - 1)).toBe(number);
  });
  for (const name of ["orders-500", "orders-", "orders-01", "g"]) {
    expect(table.find(name)).toBeUndefined();
    expect(table.findBytes(Buffer.from(name), 0, name.length)).toBeUndefined();
  }
  expect(new TopicTable([]).findBytes(Buffer.from("orders"), 0, 6)).toBeUndefined();
});
