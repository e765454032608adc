import { array, int16, message, string, type Value } from "../schema.ts";

/** Chooses the SASL mechanism of a connection. */
export const saslHandshakeRequest = message(
  "SaslHandshakeRequest",
  { key: 17, versions: [0, 1], flexible: "none" },
  {
    mechanism: string(),
  },
);
export type SaslHandshakeRequest = Value<typeof saslHandshakeRequest>;

/** Whether the mechanism is enabled, and which ones are. */
export const saslHandshakeResponse = message(
  "SaslHandshakeResponse",
  { key: 17, versions: [0, 1], flexible: "none" },
  {
    errorCode: int16(),
    mechanisms: array(string()),
  },
);
export type SaslHandshakeResponse = Value<typeof saslHandshakeResponse>;
