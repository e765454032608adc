/** The uuid of nothing, in Kafka's text form (base64url, no padding). */
export const zeroUuid = "AAAAAAAAAAAAAAAAAAAAAA";

/** No bytes: the default of `bytes` fields, shared by all of them. */
export const emptyBytes: Buffer = Buffer.alloc(0);
