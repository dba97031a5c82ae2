import { parseArgs } from 'node:util';
import { demonstrate } from './demonstrate.ts';

// What `npm run demo:freshness` calls.

const { values } = parseArgs({ options: { seed: { type: 'string', default: '7' } } });
process.exitCode = await demonstrate(Number(values.seed), (line) => process.stdout.write(`${line}\n`));
