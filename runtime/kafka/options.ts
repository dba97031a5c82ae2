/** How to reach a Kafka cluster. */
export interface KafkaOptions {
  /** `host:port` of some brokers; the others are found through them. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** true, or the options of `tls.connect`. */
  readonly ssl?: boolean | object;
  /** As kafkajs takes it: { mechanism: 'scram-sha-512', username, password } and the like. */
  readonly sasl?: object;
  /** For topics that do not say it themselves; the brokers' default when left out. */
  readonly replicationFactor?: number;
  readonly log?: (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void;
}
