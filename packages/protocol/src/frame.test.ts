import { describe, expect, it } from "vitest";
import { readGolden } from "../test/golden.ts";
import { Dice } from "../test/random-values.ts";
import type { Api } from "./api.ts";
import { decode } from "./codec.ts";
import { DecodeError } from "./errors.ts";
import { decodeResponseFrame, encodeRequestFrame, encodeResponseFrame } from "./frame.ts";
import { correlationIdOf, decodeRequestHeader, decodeResponseHeader } from "./header.ts";
import { apiByKey, apis } from "./messages/index.ts";
import { Reader } from "./reader.ts";

interface GoldenFrame {
  readonly api: string;
  readonly key: number;
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  readonly requestFrame: string;
  readonly responseFrame: string;
}

const { frames } = readGolden<{ frames: GoldenFrame[] }>("frames.json");

function hex(chunks: Uint8Array[]): string {
  return Buffer.concat(chunks).toString("hex");
}

/** The frame without the four bytes of its size. */
function body(frame: string): Buffer {
  return Buffer.from(frame, "hex").subarray(4);
}

describe("whole frames as Kafka writes them", () => {
  it.each(frames.map((frame) => [`${frame.api} v${frame.version}`, frame] as const))("%s", (_, golden) => {
    const api = apiByKey(golden.key) as Api;
    const { version, correlationId, clientId } = golden;

    const header = decodeRequestHeader(body(golden.requestFrame));
    expect(header).toMatchObject({ apiKey: golden.key, apiVersion: version, correlationId, clientId, api });
    const request = decode(api.request, version, header.reader);
    header.reader.expectEnd();
    expect(hex(encodeRequestFrame(api, version, correlationId, clientId, request))).toBe(golden.requestFrame);

    const response = decodeResponseFrame(api, version, body(golden.responseFrame));
    expect(correlationIdOf(body(golden.responseFrame))).toBe(correlationId);
    expect(hex(encodeResponseFrame(api, version, correlationId, response))).toBe(golden.responseFrame);
  });
});

describe("headers", () => {
  it("may carry tagged fields that nobody knows", () => {
    const request = Buffer.from("0003000c0000000900017801e80703010203", "hex");
    const header = decodeRequestHeader(request);
    expect(header).toMatchObject({ apiKey: 3, apiVersion: 12, correlationId: 9, clientId: "x", api: apis.metadata });
    expect(header.reader.remaining).toBe(0);
    const reader = new Reader(Buffer.from("0000000901a09c0100", "hex"));
    expect(decodeResponseHeader(apis.metadata, 12, reader)).toBe(9);
    expect(reader.remaining).toBe(0);
  });

  it("of ApiVersions can be read at any version, since any has to be answered", () => {
    const header = decodeRequestHeader(Buffer.from("0012007f00000007000161" + "00" + "aa", "hex"));
    expect(header).toMatchObject({ apiVersion: 127, correlationId: 7, clientId: "a", api: apis.apiVersions });
    expect(header.reader.remaining).toBe(1);
    expect(hex(encodeResponseFrame(apis.apiVersions, 3, 7, { errorCode: 0, apiKeys: [] }))).toBe(
      "0000000c" + "00000007" + "0000" + "01" + "00000000" + "00",
    );
  });

  it("of an API that is not declared end after the client id", () => {
    const header = decodeRequestHeader(Buffer.from("0004000700000007ffff" + "00aa", "hex"));
    expect(header).toMatchObject({ apiKey: 4, apiVersion: 7, clientId: null, api: undefined });
    expect(header.reader.remaining).toBe(2);
  });

  it("that are cut short are refused", () => {
    const whole = body((frames[0] as GoldenFrame).requestFrame).subarray(0, 10);
    for (let size = 0; size < whole.length; size++) {
      expect(() => decodeRequestHeader(whole.subarray(0, size))).toThrow(DecodeError);
    }
    expect(() => correlationIdOf(Buffer.alloc(3))).toThrow(DecodeError);
  });

  it("that are damaged yield a header or a DecodeError", () => {
    const dice = new Dice(11);
    for (let i = 0; i < 20_000; i++) {
      const frame = body(dice.pick(frames).requestFrame);
      frame[dice.below(Math.min(frame.length, 20))] = dice.below(256);
      try {
        const header = decodeRequestHeader(frame);
        if (header.api !== undefined) decode(header.api.request, header.apiVersion, header.reader);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }
  });
});

describe("large records", () => {
  it("are borrowed, not copied, and counted in the frame's size", () => {
    const records = Buffer.alloc(100_000, 1);
    const chunks = encodeRequestFrame(apis.produce, 12, 5, "client", {
      acks: -1,
      timeoutMs: 1000,
      topicData: [
        {
          name: "t",
          partitionData: [
            { index: 0, records },
            { index: 1, records },
            { index: 2, records: null },
          ],
        },
      ],
    });
    expect(chunks.filter((chunk) => chunk === records)).toHaveLength(2);
    const frame = Buffer.concat(chunks);
    expect(frame.readInt32BE(0)).toBe(frame.length - 4);
    const header = decodeRequestHeader(frame.subarray(4));
    const request = decode(apis.produce.request, 12, header.reader);
    expect(request.topicData[0]?.partitionData.map((data) => data.records?.length ?? null)).toEqual([1e5, 1e5, null]);
  });
});
