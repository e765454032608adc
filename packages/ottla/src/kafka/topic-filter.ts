/** Topics that Kafka keeps for itself (Kafka's `Topic.isInternal`). */
const internalTopics: ReadonlySet<string> = new Set([
  "__consumer_offsets",
  "__transaction_state",
  "__share_group_state",
]);

export function isInternalTopic(topic: string): boolean {
  return internalTopics.has(topic);
}

/** The topics that `--topic` asks for: a regular expression for the whole name, in which a comma means "or" (Kafka's `IncludeList`). */
export function topicFilter(include: string | undefined, excludeInternal: boolean): (topic: string) => boolean {
  const pattern = include === undefined ? null : wholeName(include);
  return (topic) => (pattern?.test(topic) ?? true) && !(excludeInternal && isInternalTopic(topic));
}

function wholeName(include: string): RegExp {
  const source = include
    .trim()
    .replaceAll(",", "|")
    .replaceAll(" ", "")
    .replace(/^["']+/, "")
    .replace(/["']+$/, "");
  try {
    return new RegExp(`^(?:${source})$`);
  } catch {
    throw new Error(`${source} is an invalid regex.`);
  }
}
