import { describe, expectTypeOf, it } from "vitest";
import type { RequestInput, ResponseValue } from "./api.ts";
import type { apis } from "./messages/index.ts";
import {
  array,
  bytes,
  type Input,
  int32,
  int64,
  message,
  records,
  string,
  struct,
  uuid,
  type Value,
} from "./schema.ts";

const sample = message(
  "Sample",
  { key: 1, versions: [0, 3], flexible: 2 },
  {
    name: string(),
    note: string({ nullable: true }),
    later: int32({ since: 1 }),
    gone: int64({ until: 1 }),
    topics: array({ id: uuid(), partitions: array(int32()) }, { nullable: 2 }),
    cursor: struct({ topic: string() }, { nullable: true, default: null }),
    payload: bytes(),
    batches: records(),
  },
);

describe("the types of a table", () => {
  it("have every field in a decoded value", () => {
    expectTypeOf<Value<typeof sample>>().toEqualTypeOf<{
      name: string;
      note: string | null;
      later: number;
      gone: number;
      topics: { id: string; partitions: number[] }[] | null;
      cursor: { topic: string } | null;
      payload: Buffer;
      batches: Buffer | null;
    }>();
  });

  it("let fields be left out for encoding that not every version has or that have a default", () => {
    const least = { name: "", note: null, topics: null, payload: new Uint8Array(0), batches: null };
    expectTypeOf(least).toExtend<Input<typeof sample>>();
    expectTypeOf<Value<typeof sample>>().toExtend<Input<typeof sample>>();
    expectTypeOf<Omit<typeof least, "name">>().not.toExtend<Input<typeof sample>>();
    expectTypeOf<Omit<typeof least, "note"> & { note: number }>().not.toExtend<Input<typeof sample>>();
  });

  it("follow from an API", () => {
    expectTypeOf<{ topics: null }>().toExtend<RequestInput<typeof apis.metadata>>();
    expectTypeOf<ResponseValue<typeof apis.metadata>["topics"][number]["name"]>().toEqualTypeOf<string | null>();
  });
});
