/** Who holds a partition and who leads it (Kafka's `PartitionRegistration`). Changed by the functions below alone. */
export interface PartitionReplicas {
  /** Ids of brokers; the first one is the preferred leader. */
  readonly replicas: readonly number[];
  /** Those of them that are in sync. */
  readonly isr: readonly number[];
  /** -1: nobody can lead it at present. */
  readonly leader: number;
  /** Replicas outside the ISR that have everything all the same and may lead again (KIP-966), while the ISR is smaller than `min.insync.replicas`. */
  readonly elr: readonly number[];
  /** Who led last, while nobody does. */
  readonly lastKnownElr: readonly number[];
}

/** What the rules need to know besides. */
export interface ReplicaRules {
  /** `min.insync.replicas` of the topic, at most the number of replicas. */
  readonly minIsr: number;
  isUp(brokerId: number): boolean;
}

const nobody = -1;

/** A new partition: all replicas whose brokers are up are in sync, and the first of them leads. */
export function newReplicas(replicas: readonly number[], isUp: (brokerId: number) => boolean): PartitionReplicas {
  const isr = replicas.filter(isUp);
  return { replicas, isr, leader: isr[0] ?? nobody, elr: [], lastKnownElr: [] };
}

/** A broker is gone (`rules.isUp` says so already): it leaves the ISR, and somebody else leads what it led, if somebody can (Kafka's `PartitionChangeBuilder`). */
export function withoutBroker(was: PartitionReplicas, brokerId: number, rules: ReplicaRules): PartitionReplicas {
  if (!was.isr.includes(brokerId)) return was;
  const isr = was.isr.filter((id) => id !== brokerId);
  return withLeader(was, electable({ ...was, isr }, rules), rules);
}

/** A broker is back: it leads what nobody else does and it may lead, and is in sync at once where there is a leader, since there is one copy of everything. */
export function withBroker(was: PartitionReplicas, brokerId: number, rules: ReplicaRules): PartitionReplicas {
  if (!was.replicas.includes(brokerId) || was.isr.includes(brokerId)) return was;
  return caughtUp(was.leader === nobody ? withLeader(was, electable(was, rules), rules) : was, rules);
}

/** Somebody leads, if need be one who is not known to have everything (an unclean election). */
export function withAnyLeader(was: PartitionReplicas, rules: ReplicaRules): PartitionReplicas {
  const clean = electable(was, rules);
  if (clean !== nobody) return caughtUp(withLeader(was, clean, rules), rules);
  const leader = was.replicas.find(rules.isUp);
  if (leader === undefined) return was;
  return caughtUp({ ...was, isr: [leader], leader, elr: [], lastKnownElr: [] }, rules);
}

/** The replicas that are up and had been out of sync catch up with the leader. */
function caughtUp(led: PartitionReplicas, rules: ReplicaRules): PartitionReplicas {
  const late = led.replicas.filter((id) => rules.isUp(id) && !led.isr.includes(id));
  if (led.leader === nobody || late.length === 0) return led;
  // The order is that in which Kafka's leaders report a larger ISR.
  const isr = [...led.isr, ...late].sort((a, b) => a - b);
  return { ...led, isr, elr: eligible(led, isr, rules) };
}

/** The preferred replica leads, where it can. */
export function withPreferredLeader(was: PartitionReplicas, rules: ReplicaRules): PartitionReplicas {
  const preferred = was.replicas[0]!;
  return mayLead(was, preferred, rules) ? withLeader(was, preferred, rules) : was;
}

/** Whether a replica may lead: it is in sync, or nobody is and it is eligible; and its broker is up. */
export function mayLead({ isr, elr }: PartitionReplicas, brokerId: number, rules: ReplicaRules): boolean {
  return (isr.includes(brokerId) || (isr.length === 0 && elr.includes(brokerId))) && rules.isUp(brokerId);
}

/** Somebody who may lead does. */
export function withLeader(was: PartitionReplicas, leader: number, rules: ReplicaRules): PartitionReplicas {
  const before = was.leader;
  let isr = was.isr.filter(rules.isUp);
  let elr = eligible(was, isr, rules);
  if (isr.length === 0 && leader !== nobody) {
    isr = [leader];
    elr = elr.filter((id) => id !== leader);
  }
  const lastKnownElr = leader !== nobody ? [] : before === nobody ? was.lastKnownElr : [before];
  return { replicas: was.replicas, isr, leader, elr, lastKnownElr };
}

/** The leader if it may go on, else the first replica that may lead. */
function electable(replicas: PartitionReplicas, rules: ReplicaRules): number {
  const eligibleOnes = { ...replicas, elr: eligible(replicas, replicas.isr, rules) };
  if (mayLead(eligibleOnes, replicas.leader, rules)) return replicas.leader;
  return replicas.replicas.find((id) => mayLead(eligibleOnes, id, rules)) ?? nobody;
}

/** The replicas that had everything when the ISR became too small, less those that are in it again. */
function eligible(was: PartitionReplicas, isr: readonly number[], { minIsr }: ReplicaRules): number[] {
  if (isr.length >= minIsr) return [];
  const candidates = new Set([...was.elr, ...was.isr]);
  return [...candidates].filter((id) => !isr.includes(id)).sort((a, b) => a - b);
}
