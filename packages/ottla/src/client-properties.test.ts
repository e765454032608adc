import { describe, expect, it } from "vitest";
import { clientOptions } from "./client-properties.ts";

describe("settings of a client from a properties file", () => {
  it("have their names in camelCase and their types", () => {
    const properties = { "request.timeout.ms": "500 ", "client.id": "7", "metadata.recovery.strategy": "none" };
    expect(clientOptions(properties)).toEqual({
      options: { requestTimeoutMs: 500, clientId: "7", metadataRecoveryStrategy: "none" },
      unused: [],
    });
  });

  it("that mean nothing to it are named, and those that it must not pass over are refused", () => {
    expect(clientOptions({ "group.id": "g", retries: "many" })).toEqual({
      options: { retries: "many" },
      unused: ["group.id"],
    });
    expect(() => clientOptions({ "sasl.mechanism": "PLAIN" })).toThrow("there is no TLS and no SASL yet");
  });
});
