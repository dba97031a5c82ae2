/** One piece of source text of a module, and what stands in its place when the mutation is on. */
export interface Replacement {
  /** Path from the root of the project. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** What the run must find, one at a time: each takes away one of the things that exactly-once rests on. */
export const mutations: Readonly<Record<string, readonly Replacement[]>> = {
  /** Plain produce: outputs, state and position are written without a transaction around them. */
  'no-transaction': [
    { file: 'runtime/kafka/transactional-producer.ts', find: 'await this.#session.begin(batches, deadline);', put: '' },
    { file: 'runtime/kafka/transactional-producer.ts', find: 'await this.#session.end(true, deadline);', put: '' },
    {
      file: 'runtime/kafka/transaction-session.ts',
      find: 'const identity = { ...this.#identity, sequence, transactional: true };',
      put: 'const identity = { ...this.#identity, sequence, transactional: false };',
    },
    {
      file: 'runtime/kafka/transaction-session.ts',
      find: 'produce(this.#id, encoded, PRODUCE_TIMEOUT_MS)',
      put: 'produce(null, encoded, PRODUCE_TIMEOUT_MS)',
    },
  ],
  /** Of a task only its position is logged: a store that is lost, or that another process has, is not what was published. */
  'no-changelog': [
    {
      file: 'runtime/task.ts',
      find: 'outputs.add(changelog.topic, changelog.partition, {',
      put: 'if (change.id === POSITION_ID) outputs.add(changelog.topic, changelog.partition, {',
    },
  ],
  /** A transactional id for each process: nobody is fenced. */
  'no-fencing': [
    {
      file: 'runtime/task.ts',
      find: 'environment.names.group(storeName(this.id))',
      put: '`${environment.names.group(storeName(this.id))}-${process.pid}`',
    },
  ],
  /** What comes twice counts twice. */
  'no-de-duplication': [
    {
      file: 'processors/stitch-identity/events.ts',
      find: "rules.rememberMs)) return context.count('duplicates');\n  const { timeline }",
      put: "rules.rememberMs) && at < 0) return context.count('duplicates');\n  const { timeline }",
    },
  ],
};
