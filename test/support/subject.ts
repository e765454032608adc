/**
 * The broker that foreign clients are let loose on: ours, or with `OTTLA_TEST_SUBJECT=apache-kafka` the original, which shows that a test asks for
 * what Kafka does.
 */
import { startApacheKafka } from "./apache-kafka.ts";
import { startOttlaBroker } from "./ottla.ts";

export const subjectIsOttla = process.env.OTTLA_TEST_SUBJECT !== "apache-kafka";

export interface Subject {
  readonly bootstrapServers: string;
  stop(): Promise<unknown>;
}

export function startSubject(options: { dataDirectory?: string } = {}): Promise<Subject> {
  return subjectIsOttla ? startOttlaBroker(options) : startApacheKafka();
}
