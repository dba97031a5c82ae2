/** How a topic is kept. */
export interface TopicDurability {
  readonly topic: string;
  readonly replicas: number;
  /** Replicas that must have a record before it is acknowledged; undefined: not known. */
  readonly minInSync: number | undefined;
}

/** Beyond three copies there is little to win. */
const ENOUGH = 3;

/** What is to be warned of: topics that are kept less safely than the cluster could. */
export function durabilityWarnings(brokers: number, topics: readonly TopicDurability[]): string[] {
  const wanted = Math.min(brokers, ENOUGH);
  const name = (list: readonly TopicDurability[]): string => list.map(({ topic }) => topic).join(', ');
  const warnings: string[] = [];
  const few = topics.filter(({ replicas }) => replicas < wanted);
  if (few.length > 0)
    warnings.push(
      `kept fewer than ${wanted} times though the cluster has ${brokers} brokers, so that the loss of one may lose events: ${name(few)}`,
    );
  const lax = topics.filter(({ replicas, minInSync }) => replicas > 1 && minInSync !== undefined && minInSync < 2);
  if (lax.length > 0)
    warnings.push(`acknowledged by one broker alone when others are behind; set min.insync.replicas to 2: ${name(lax)}`);
  return warnings;
}
