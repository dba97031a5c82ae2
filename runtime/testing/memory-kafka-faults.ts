/** Calls that can be made to fail. `subject` is the transactional id for `init` and `transact`, else the topic. */
export type FaultyCall =
  | 'init'
  | 'transact'
  | 'send'
  | 'createTopics'
  | 'endOffsets'
  | 'startOffsets'
  | 'partitions'
  | 'commitOffsets';

export interface FaultOptions {
  /**
   * `before` (default): nothing happened. `after`: it took effect, the answer was lost.
   * `open` (transact only): the records are written and the transaction stays open, as after a kill.
   */
  readonly at?: 'before' | 'open' | 'after';
  /** Only calls about this transactional id or topic. */
  readonly subject?: string;
}

interface Fault extends Required<Pick<FaultOptions, 'at'>> {
  readonly call: FaultyCall;
  readonly error: Error;
  readonly subject: string | undefined;
}

/** Errors waiting for the calls they belong to; each is thrown once. */
export class Faults {
  readonly #faults: Fault[] = [];

  add(call: FaultyCall, error: Error, { at = 'before', subject }: FaultOptions): void {
    this.#faults.push({ call, error, at, subject });
  }

  check(call: FaultyCall, at: Fault['at'], subject: string): void {
    const index = this.#faults.findIndex(
      (fault) => fault.call === call && fault.at === at && (fault.subject === undefined || fault.subject === subject),
    );
    const [fault] = index < 0 ? [] : this.#faults.splice(index, 1);
    if (fault !== undefined) throw fault.error;
  }
}
