import type { Operator } from '../operator.ts';
import { absence } from './absence.ts';
import { count } from './count.ts';
import { sum } from './sum.ts';
import { trait } from './trait.ts';

/** Every operator that a rule may use. A new one is a file beside this and a line here. */
export const operators: readonly Operator[] = [absence, count, sum, trait];
