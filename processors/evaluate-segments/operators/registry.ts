import type { Operator } from '../operator.ts';
import { absence } from './absence.ts';
import { avg } from './avg.ts';
import { count } from './count.ts';
import { firstTime } from './first-time.ts';
import { first } from './first.ts';
import { inStock } from './in-stock.ts';
import { last } from './last.ts';
import { max } from './max.ts';
import { min } from './min.ts';
import { mostFrequent } from './most-frequent.ts';
import { place } from './place.ts';
import { regular } from './regular.ts';
import { returned } from './returned.ts';
import { sequence } from './sequence.ts';
import { share } from './share.ts';
import { stopped } from './stopped.ts';
import { sum } from './sum.ts';
import { trait } from './trait.ts';

/** Every operator that a rule may use. A new one is a file beside this and a line here. */
export const operators: readonly Operator[] = [
  absence,
  avg,
  count,
  first,
  firstTime,
  inStock,
  last,
  max,
  min,
  mostFrequent,
  place,
  regular,
  returned,
  sequence,
  share,
  stopped,
  sum,
  trait,
];
