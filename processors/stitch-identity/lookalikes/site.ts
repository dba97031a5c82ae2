import type { Context } from '../../../runtime/processor.ts';
import type { FuzzyConfig } from '../fuzzy/rules.ts';
import type { IdentityRules } from '../identity.ts';
import type { Message } from './messages.ts';

/** The key of a customer or a block while one record of it is processed. */
export interface Site {
  readonly key: string;
  readonly context: Context;
  readonly rules: IdentityRules;
  readonly fuzzy: FuzzyConfig;
  send(to: string, message: Message): void;
  /** A block that too many customers share. */
  reportVoid(customer: string, size: number): void;
}
