/** What counts as what. Names of events are those of the Segment spec unless a workspace says otherwise. */
export interface FraudConfig {
  /** Types of calls that are a log-in. */
  readonly loginTypes: readonly string[];
  /** Names of events that are a log-in. */
  readonly loginEvents: readonly string[];
  /** Names of events that are a change of address. */
  readonly addressEvents: readonly string[];
  /** Trait of `identify` whose change is a change of address. */
  readonly addressTrait: string;
  /** Kinds of identifiers that tell the device, the surest first. */
  readonly deviceKinds: readonly string[];
  /** A change this soon after the log-in is suspicious, milliseconds. */
  readonly windowMs: number;
  /** How late events may come and still be put in their place, milliseconds. */
  readonly latenessMs: number;
}

export const defaultFraud: FraudConfig = {
  loginTypes: ['identify'],
  loginEvents: ['Signed In'],
  addressEvents: ['Address Changed'],
  addressTrait: 'address',
  deviceKinds: ['device_id', 'anonymous_id'],
  windowMs: 10 * 60 * 1000,
  latenessMs: 24 * 60 * 60 * 1000,
};
