import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readSchemas } from './avro.ts';
import { generateDocs } from './generate-docs.ts';
import { generateTypes } from './generate-types.ts';
import { rawTopic, referenceTopic, topics } from './topics.ts';

/** `npm run generate` writes what is made from topics.ts and events/*.avsc; with `--check` it writes nothing and exits with 1 when something is stale. */
const files = readSchemas();
const outputs: readonly (readonly [path: string, text: string])[] = [
  ['generated/types.ts', generateTypes(files)],
  ['README.md', generateDocs([rawTopic('<source>'), referenceTopic('<table>'), ...Object.values(topics)], files)],
];

const check = process.argv.includes('--check');
for (const [path, text] of outputs) {
  const target = new URL(path, import.meta.url);
  if (existsSync(target) && readFileSync(target, 'utf8') === text) continue;
  if (check) {
    process.stderr.write(`schemas/${path} is stale: run npm run generate\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(target, text);
    process.stdout.write(`schemas/${path} written\n`);
  }
}
