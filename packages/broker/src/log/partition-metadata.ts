import type { Disk } from "@ottla/runtime";
import { readFileIfThere, replaceFile } from "./atomic-file.ts";
import { joinPath } from "./file-names.ts";

/** Name of the file in a partition's directory. */
export const partitionMetadataFile = "partition.metadata";

/** Writes Kafka's `partition.metadata`, version 0: which topic id the directory belongs to. */
export function writePartitionMetadata(disk: Disk, directory: string, topicId: string): void {
  replaceFile(disk, joinPath(directory, partitionMetadataFile), Buffer.from(`version: 0\ntopic_id: ${topicId}`));
}

/** The topic id (base64url, 22 characters) that the directory belongs to; null where the file is missing or damaged. */
export function readTopicId(disk: Disk, directory: string): string | null {
  const content = readFileIfThere(disk, joinPath(directory, partitionMetadataFile));
  if (content === null) return null;
  const match = /^version: 0\ntopic_id: ([\w-]{22})\n?$/.exec(content.toString());
  return match?.[1] ?? null;
}
