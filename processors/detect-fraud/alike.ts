import type { Resemblance } from '../../schemas/generated/types.ts';
import type { AlikeRule } from './config.ts';
import type { Login } from './facts.ts';
import { byTime } from './memory.ts';

/** What is known of who looks like a customer. */
export interface Alike {
  /** Customers linked weakly with this one, as surely as the rule asks for. */
  readonly others: readonly string[];
  /** The last log-in that is not history. */
  readonly login: Login | null;
  /** How many accounts the last alert named; a further one is told when there are more. */
  readonly told: number;
}

export const nobodyAlike: Alike = { others: [], login: null, told: 0 };

/** With the weak links of a customer as they are now; null: none. Weaker ones than the rule accepts are none. */
export function withLinks(alike: Alike, row: Resemblance | null, { confidence }: AlikeRule): Alike {
  return {
    ...alike,
    others: (row?.others ?? []).filter((link) => link.confidence >= confidence).map(({ customer }) => customer),
  };
}

/** With a log-in, or both of two; the later one counts. */
export function withLogin(alike: Alike, login: Login | null): Alike {
  return login && (alike.login === null || byTime(alike.login, login) < 0) ? { ...alike, login } : alike;
}

/** Both of a customer and one that has merged into it: whom that one resembled is told anew of who goes on. */
export function uniteAlike(ours: Alike, theirs: Alike): Alike {
  return { ...withLogin(ours, theirs.login), told: Math.max(ours.told, theirs.told) };
}

/** How many accounts to raise an alert for, this one among them; 0: none, or all were told. */
export function accountsToTell({ others, login, told }: Alike, { accounts }: AlikeRule): number {
  const count = others.length + 1;
  return login !== null && count >= accounts && count > told ? count : 0;
}
