import {
  clusterRecord,
  configRecord,
  DecodeError,
  decode,
  encodeInto,
  hasVersion,
  leaderEpochRecord,
  type Message,
  partitionCountRecord,
  producerIdsRecord,
  Reader,
  replicasRecord,
  topicRecord,
  topicRemovedRecord,
  type Value,
  Writer,
} from "@ottla/protocol";

const messages = {
  cluster: clusterRecord,
  leaderEpoch: leaderEpochRecord,
  topic: topicRecord,
  partitionCount: partitionCountRecord,
  topicRemoved: topicRemovedRecord,
  config: configRecord,
  producerIds: producerIdsRecord,
  replicas: replicasRecord,
} as const;
type Messages = typeof messages;

/** One fact in the metadata log. */
export type MetadataRecord = {
  [Kind in keyof Messages]: { readonly kind: Kind } & Readonly<Value<Messages[Kind]>>;
}[keyof Messages];

const kinds = new Map<number, keyof Messages>(
  (Object.keys(messages) as (keyof Messages)[]).map((kind) => [messages[kind].key, kind]),
);

/** Encodes the records of one change, which is applied as a whole or not at all: their count, then type, version and body of each. */
export function encodeChange(records: readonly MetadataRecord[]): Buffer {
  const writer = new Writer();
  writer.int32(records.length);
  for (const record of records) {
    const message: Message = messages[record.kind];
    writer.int16(message.key);
    writer.int16(message.maxVersion);
    encodeInto<Message>(writer, message, message.maxVersion, record as unknown as Value<Message>);
  }
  return writer.toBuffer();
}

/** Throws a `DecodeError` when the bytes are no change or one that only a newer Ottla understands. */
export function decodeChange(bytes: Uint8Array): MetadataRecord[] {
  const reader = new Reader(bytes);
  const records: MetadataRecord[] = [];
  for (let count = reader.arrayCount(4); count > 0; count--) {
    const type = reader.int16();
    const version = reader.int16();
    const kind = kinds.get(type);
    const message: Message | undefined = kind && messages[kind];
    if (message === undefined || !hasVersion(message, version)) {
      throw new DecodeError(`record type ${type} version ${version} is not known: a newer version of Ottla wrote it`);
    }
    records.push({ kind, ...decode(message, version, reader) } as unknown as MetadataRecord);
  }
  reader.expectEnd();
  return records;
}
