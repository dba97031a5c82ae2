import { parseArgs } from 'node:util';
import { judge } from './judge.ts';
import { expectedOf } from './model.ts';
import { play } from './play.ts';
import { writeScript } from './script.ts';
import { ending, isRight, story } from './story.ts';

// What `npm run demo:freshness` calls: two days in seconds, told, and judged by a model that knows nothing of the pipeline.

const { values } = parseArgs({ options: { seed: { type: 'string', default: '7' } } });
const script = writeScript(Number(values.seed));
const expected = expectedOf(script);
const played = await play(script);
const verdict = judge(played, expected);
for (const line of [...story(script, played), '', ...ending(verdict, played, expected)]) process.stdout.write(`${line}\n`);
process.exitCode = isRight(verdict) ? 0 : 1;
