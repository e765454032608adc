import { describe, expect, it } from "vitest";
import { readGolden } from "../test/golden.ts";
import { errorCodes, errorMessage, errorName, isRetriable, refreshesMetadata } from "./error-codes.ts";

interface GoldenError {
  readonly code: number;
  readonly name: string;
  readonly retriable: boolean;
  readonly refreshMetadata: boolean;
}

describe("error codes", () => {
  it("are Kafka's, with its rules for trying again", () => {
    const ours = Object.entries(errorCodes).map(([name, code]) => ({
      code,
      name,
      retriable: isRetriable(code),
      refreshMetadata: refreshesMetadata(code),
    }));
    expect(ours).toEqual(readGolden<GoldenError[]>("errors.json"));
  });

  it("have names and words, unknown ones too", () => {
    expect(errorName(errorCodes.NOT_COORDINATOR)).toBe("NOT_COORDINATOR");
    expect(errorName(-1)).toBe("UNKNOWN_SERVER_ERROR");
    expect(errorName(9999)).toBe("UNKNOWN_ERROR_CODE_9999");
    expect(errorMessage(9999)).toContain("9999");
    expect(isRetriable(9999)).toBe(false);
    const words = Object.values(errorCodes).map(errorMessage);
    expect(new Set(words).size).toBe(words.length);
  });
});
