import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../../infra/local/settings.ts';
import { mutations } from './mutations.ts';

// node --import tests/chaos/mutate.ts?<name>: the process runs with the mutation of that name.

const name = new URL(import.meta.url).search.slice(1);
const replacements = mutations[name];
if (replacements === undefined) throw new Error(`there is no mutation ${name}`);
const left = new Set(replacements);

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    const own = replacements.filter(({ file }) => pathToFileURL(join(projectRoot, file)).href === url);
    if (own.length === 0) return loaded;
    let source = typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString('utf8');
    for (const replacement of own) {
      if (source.split(replacement.find).length !== 2)
        throw new Error(`${replacement.file} does not hold, once: ${replacement.find}`);
      source = source.replace(replacement.find, () => replacement.put);
      left.delete(replacement);
    }
    return { ...loaded, source };
  },
});
// A mutation that nothing was changed for would prove nothing.
setTimeout(() => {
  if (left.size > 0) throw new Error(`not loaded: ${[...left].map(({ file }) => file).join(', ')}`);
}, 20_000).unref();
