import { describe, expect, it } from "vitest";
import { SerializationError } from "./errors.ts";
import { bytes, json, number, type StandardSchema, string, stringOrBytes } from "./serde.ts";

const context = { topic: "t", part: "value" } as const;

describe("serdes", () => {
  it("string", () => {
    expect(string.serialize("grün", context)).toBe("grün");
    expect(string.deserialize(Buffer.from("grün"), context)).toBe("grün");
    expect(() => string.serialize(1 as never, context)).toThrow(
      "The value of a record for t is of type number, its serializer takes a string",
    );
  });

  it("bytes: what is read may be kept", () => {
    const source = Buffer.from([1, 2, 3]);
    expect(bytes.serialize(source, context)).toBe(source);
    const read = bytes.deserialize(source, context);
    source[0] = 9;
    expect([...read]).toEqual([1, 2, 3]);
    expect(() => bytes.serialize("x" as never, context)).toThrow(SerializationError);
    expect(stringOrBytes.serialize("x", context)).toBe("x");
    expect(() => stringOrBytes.serialize(1 as never, context)).toThrow("takes a string or bytes");
  });

  it("number, as Java's DoubleSerializer", () => {
    expect(Buffer.from(number.serialize(1.5, context) as Uint8Array).toString("hex")).toBe("3ff8000000000000");
    expect(number.deserialize(Buffer.from("3ff8000000000000", "hex"), context)).toBe(1.5);
    expect(() => number.deserialize(Buffer.alloc(4), context)).toThrow("has 4 bytes, a number has 8");
  });

  it("json", () => {
    const orders = json<{ n: number }>();
    expect(orders.serialize({ n: 1 }, context)).toBe('{"n":1}');
    expect(orders.deserialize(Buffer.from('{"n":1}'), context)).toEqual({ n: 1 });
    expect(() => orders.deserialize(Buffer.from("{"), context)).toThrow("The value of a record of t is not JSON");
    expect(() => json().serialize(undefined, context)).toThrow(SerializationError);
  });
});

/** What a schema library would make of `{ n: number }`. */
const schema: StandardSchema<{ n: number }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => {
      const { n } = value as { n: unknown };
      return typeof n === "number" ? { value: { n } } : { issues: [{ message: "expected a number", path: ["n"] }] };
    },
  },
};

describe("json with a schema", () => {
  it("validates both ways", () => {
    const orders = json(schema);
    expect(orders.serialize({ n: 1, more: 2 } as { n: number }, context)).toBe('{"n":1}');
    expect(orders.deserialize(Buffer.from('{"n":1,"m":2}'), context)).toEqual({ n: 1 });
    expect(() => orders.deserialize(Buffer.from('{"n":"1"}'), context)).toThrow(
      "does not fit its schema: n: expected a number",
    );
    expect(() => orders.serialize({ n: "1" as never }, context)).toThrow(SerializationError);
  });

  it("cannot wait for a schema that validates asynchronously", () => {
    const slow = { "~standard": { ...schema["~standard"], validate: () => Promise.resolve({ value: { n: 1 } }) } };
    expect(() => json(slow).serialize({ n: 1 }, context)).toThrow("asynchronously");
  });
});
