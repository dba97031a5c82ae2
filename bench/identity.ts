import { parseArgs } from 'node:util';
import { type IdentityRow, measureMerges, measureSteady, type SteadyRow } from './identity/messages.ts';
import { keep } from './support/results.ts';

export interface IdentityValues {
  readonly steady: SteadyRow;
  readonly rows: readonly IdentityRow[];
}

// What identity costs in messages: counted, not timed, so the machine does not matter. The real tasks over a broker in memory.

const { values } = parseArgs({
  options: {
    customers: { type: 'string', default: '1000' },
    events: { type: 'string', default: '20000' },
    sizes: { type: 'string', default: '1,2,5,20' },
    keep: { type: 'boolean', default: false },
  },
});
const steady = await measureSteady(Number(values.customers), Number(values.events));
console.log(JSON.stringify(steady));
const rows: IdentityRow[] = [];
for (const size of values.sizes.split(',').map(Number)) {
  const row = await measureMerges(size);
  rows.push(row);
  console.log(JSON.stringify(row));
}
if (values.keep) keep<IdentityValues>('identity', 'npm run bench:identity -- --keep', { steady, rows });
process.exitCode = steady.messages === 0 ? 0 : 1;
