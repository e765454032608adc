import { SerializationError } from "./errors.ts";

/** Where a key or a value belongs. */
export interface SerdeContext {
  readonly topic: string;
  readonly part: "key" | "value";
}

/**
 * Turns keys or values into bytes. Null never reaches it: it is sent as Kafka's null.
 */
export interface Serializer<T> {
  /**
   * The bytes of `value`. A string stands for its UTF-8 and is the fast path: it is encoded straight into the batch, without a buffer of its own.
   * Bytes are copied before `send` returns.
   */
  serialize(value: T, context: SerdeContext): Uint8Array | string;
}

/**
 * Turns bytes back into keys or values. Null never reaches it: a record without a key (or value) yields null.
 */
export interface Deserializer<T> {
  /** `bytes` may be a slice of a larger buffer that is used again: whoever keeps it copies it. */
  deserialize(bytes: Buffer, context: SerdeContext): T;
}

/** Both ways. */
export interface Serde<T> extends Serializer<T>, Deserializer<T> {}

/** UTF-8, as Java's `StringSerializer`. */
export const string: Serde<string> = {
  serialize(value, context) {
    if (typeof value !== "string") throw refused("string", value, context);
    return value;
  },
  deserialize: (bytes) => bytes.toString("utf8"),
};

/** What a producer without serializers takes: strings as UTF-8, bytes as they are. */
export const stringOrBytes: Serializer<string | Uint8Array> = {
  serialize(value, context) {
    if (typeof value !== "string" && !(value instanceof Uint8Array)) throw refused("string or bytes", value, context);
    return value;
  },
};

/** The bytes as they are; what is read is a copy and may be kept. */
export const bytes: Serde<Uint8Array> & Deserializer<Buffer> = {
  serialize(value, context) {
    if (!(value instanceof Uint8Array)) throw refused("bytes", value, context);
    return value;
  },
  deserialize: (slice) => Buffer.from(slice),
};

/** A number as eight bytes, IEEE 754 and big-endian: as Java's `DoubleSerializer`. */
export const number: Serde<number> = {
  serialize(value, context) {
    if (typeof value !== "number") throw refused("number", value, context);
    const eight = Buffer.allocUnsafe(8);
    eight.writeDoubleBE(value);
    return eight;
  },
  deserialize(slice, context) {
    if (slice.length !== 8) {
      throw new SerializationError(
        `The ${context.part} of a record of ${context.topic} has ${slice.length} bytes, a number has 8`,
      );
    }
    return slice.readDoubleBE(0);
  },
};

/** What zod, valibot, arktype and others offer under `~standard` (standardschema.dev, version 1). */
export interface StandardSchema<T> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<T> | Promise<StandardResult<T>>;
    readonly types?: { readonly input: unknown; readonly output: T } | undefined;
  };
}

type StandardResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] };

/** JSON as UTF-8. With a Standard Schema, what is sent and what is read is validated by it (and has the shape that it yields). */
export function json<T = unknown>(schema?: StandardSchema<T>): Serde<T> {
  return {
    serialize(value, context) {
      const checked = schema === undefined ? value : conform(schema, value, context);
      const encoded: string | undefined = JSON.stringify(checked);
      if (encoded === undefined) throw refused("JSON value", value, context);
      return encoded;
    },
    deserialize(slice, context) {
      let value: unknown;
      try {
        value = JSON.parse(slice.toString("utf8"));
      } catch (error) {
        throw new SerializationError(
          `The ${context.part} of a record of ${context.topic} is not JSON: ${(error as Error).message}`,
          error,
        );
      }
      return schema === undefined ? (value as T) : conform(schema, value, context);
    },
  };
}

function conform<T>(schema: StandardSchema<T>, value: unknown, context: SerdeContext): T {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    throw new SerializationError(
      `The schema for the ${context.part} of ${context.topic} validates asynchronously, which a serde cannot wait for`,
    );
  }
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map((issue) => `${path(issue.path)}${issue.message}`).join("; ");
  throw new SerializationError(
    `The ${context.part} of a record of ${context.topic} does not fit its schema: ${issues}`,
    result.issues,
  );
}

function path(keys: readonly unknown[] | undefined): string {
  if (keys === undefined || keys.length === 0) return "";
  const names = keys.map((key) =>
    typeof key === "object" && key !== null && "key" in key ? String(key.key) : String(key),
  );
  return `${names.join(".")}: `;
}

function refused(wanted: string, value: unknown, context: SerdeContext): SerializationError {
  const got = value === null ? "null" : typeof value;
  return new SerializationError(
    `The ${context.part} of a record for ${context.topic} is of type ${got}, its serializer takes a ${wanted}`,
  );
}
