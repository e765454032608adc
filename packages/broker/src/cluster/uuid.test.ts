import { expect, test } from "vitest";
import { shortUuid } from "./uuid.ts";

test("a UUID has a short form, which does not begin with a dash", () => {
  expect(shortUuid("39451969-e1c4-4f3c-a134-e2b006b4f892")).toBe("OUUZaeHETzyhNOKwBrT4kg");
  expect(shortUuid("f8000000-0000-4000-8000-000000000000")).toBe("_AAAAAAAQACAAAAAAAAAAA");
});
