import type { JsonSchema } from '../../schemas/config.ts';
import { durationSchema, parseDuration } from '../../schemas/duration.ts';
import { schemaCheck } from '../../schemas/json-schema.ts';

/** Accepts weak links: accounts that look alike, of one person perhaps. */
export interface AlikeRule {
  /** Probability from which on a weak link is accepted, 0 to 1. */
  readonly confidence: number;
  /** So many accounts that look alike, the one itself among them, are suspicious. */
  readonly accounts: number;
}

/** What counts as what. Names of events are compared without regard to case, spaces, underscores and hyphens. */
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
  /** Weak links, where they are accepted; undefined: only what common identifiers say counts. */
  readonly alike?: AlikeRule;
}

/** Log-ins as in the Segment spec. */
export const defaultFraud: FraudConfig = {
  loginTypes: ['identify'],
  loginEvents: ['signed in'],
  addressEvents: ['address changed'],
  addressTrait: 'address',
  deviceKinds: ['device_id', 'anonymous_id'],
  windowMs: 10 * 60 * 1000,
  latenessMs: 24 * 60 * 60 * 1000,
};

const names = (description: string): JsonSchema => ({
  type: 'array',
  items: { type: 'string', minLength: 1, description: 'A name.' },
  description,
});

/** JSON Schema of a workspace's rules of fraud. */
export const fraudSchema: JsonSchema = {
  type: 'object',
  description: 'What counts as a log-in and as a change of address. What is left out keeps its default.',
  additionalProperties: false,
  properties: {
    login_types: names('Types of calls that are a log-in.'),
    login_events: names('Names of events that are a log-in.'),
    address_events: names('Names of events that are a change of address.'),
    address_trait: { type: 'string', minLength: 1, description: 'Trait of identify that holds the address.' },
    device_kinds: names('Kinds of identifiers that tell the device, the surest first.'),
    within: durationSchema('A change of address this soon after a log-in from a new device is suspicious.'),
    alike_accounts: {
      type: 'object',
      description:
        'Accounts that look alike, by weak links (`fuzzy` of identity.yaml). Without this part weak links are not accepted.',
      additionalProperties: false,
      required: ['confidence'],
      properties: {
        confidence: {
          type: 'number',
          minimum: 0,
          maximum: 1,
          description: 'Weak links of at least this probability are accepted.',
        },
        accounts: {
          type: 'integer',
          minimum: 2,
          description: 'So many that look alike, the one that logs in among them, are suspicious; 3 when left out.',
        },
      },
    },
  },
};

interface FraudDocument {
  readonly login_types?: readonly string[];
  readonly login_events?: readonly string[];
  readonly address_events?: readonly string[];
  readonly address_trait?: string;
  readonly device_kinds?: readonly string[];
  readonly within?: string;
  readonly alike_accounts?: { readonly confidence: number; readonly accounts?: number };
}

/** Compiles a workspace's rules of fraud; ConfigProblem names the field that does not fit. */
export function compileFraud(content: unknown): FraudConfig {
  schemaCheck(fraudSchema)(content);
  const document = content as FraudDocument;
  const { alike_accounts: alike } = document;
  return {
    loginTypes: document.login_types ?? defaultFraud.loginTypes,
    loginEvents: document.login_events ?? defaultFraud.loginEvents,
    addressEvents: document.address_events ?? defaultFraud.addressEvents,
    addressTrait: document.address_trait ?? defaultFraud.addressTrait,
    deviceKinds: document.device_kinds ?? defaultFraud.deviceKinds,
    windowMs: document.within === undefined ? defaultFraud.windowMs : parseDuration(document.within, ['within']),
    latenessMs: defaultFraud.latenessMs,
    ...(alike && { alike: { confidence: alike.confidence, accounts: alike.accounts ?? 3 } }),
  };
}
