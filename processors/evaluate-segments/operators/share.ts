import { createHash } from 'node:crypto';
import { objectSchema } from '../../../schemas/schema-parts.ts';
import type { Leaf, Operator } from '../operator.ts';

interface ShareConfig {
  readonly percent: number;
  readonly from?: number;
  readonly of: string;
}

/** A random share of all customers; each stays in it or out of it for ever. */
export const share: Operator = {
  name: 'share',
  schema: objectSchema(
    'A random share of all customers, the same ones for ever.',
    {
      percent: { type: 'number', exclusiveMinimum: 0, maximum: 100, description: 'How many of a hundred.' },
      from: {
        type: 'number',
        minimum: 0,
        exclusiveMaximum: 100,
        description: 'Where the share begins, so that two need not overlap; 0 when left out.',
      },
      of: { type: 'string', minLength: 1, description: 'Name of the draw: another name draws anew.' },
    },
    ['percent', 'of'],
  ),
  compile: (config) => {
    const { percent, from = 0, of } = config as ShareConfig;
    const leaf = (customer: string | undefined): Leaf<null> => {
      const drawn = customer === undefined ? from : lot(of, customer);
      const holds = drawn >= from && drawn < from + percent;
      return {
        meaning: { share: { percent, from, of } },
        events: [],
        monotone: false,
        empty: null,
        add: (state) => state,
        merge: () => null,
        prune: () => null,
        holds: () => holds,
        nextChange: () => Number.POSITIVE_INFINITY,
        eventAt: () => undefined,
        explain: () => ({ holds, says: `${holds ? '' : 'not '}drawn for ${percent} % of ${of}`, events: [] }),
      };
    };
    return { ...leaf(undefined), forCustomer: leaf };
  },
};

/** A number from 0 to below 100, evenly spread over customers. */
function lot(of: string, customer: string): number {
  const digest = createHash('sha256').update(`${of}\0${customer}`).digest();
  return (digest.readUIntBE(0, 6) / 2 ** 48) * 100;
}
