/** A topic, as groups of KIP-848 see it. */
export interface TopicDescription {
  /** Kafka's base64url form. */
  readonly id: string;
  readonly name: string;
  readonly partitionCount: number;
}

/**
 * The cluster's topics at present (Kafka's `CoordinatorMetadataImage`). It is live: whoever changes topics tells the coordinator afterwards
 * (`GroupCoordinator.onTopicsChanged`), so that groups look again.
 */
export interface TopicImage {
  topicByName(name: string): TopicDescription | undefined;
  topicById(id: string): TopicDescription | undefined;
  /** The names of all topics, internal ones too; for regular expressions. */
  names(): Iterable<string>;
}

/** A cluster without topics. */
export const noTopics: TopicImage = {
  topicByName: () => undefined,
  topicById: () => undefined,
  names: () => [],
};
