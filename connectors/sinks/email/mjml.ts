import { createRequire } from 'node:module';

interface MjmlError {
  readonly line: number;
  readonly message: string;
}

type Mjml = (source: string, options: object) => Promise<{ readonly html: string; readonly errors: readonly MjmlError[] }>;

/** mjml ships no types; this is the part of it that is used. It is slow to load, so only who compiles a template does it. */
const loadMjml = (): Mjml => createRequire(import.meta.url)('mjml') as Mjml;

/** Compiles MJML to HTML, reading no other file; `errors` carry the line in `source`. */
export async function compileMjml(source: string): Promise<{ readonly html: string; readonly errors: readonly MjmlError[] }> {
  try {
    return await loadMjml()(source, { validationLevel: 'soft', ignoreIncludes: true, keepComments: false });
  } catch (error) {
    return { html: '', errors: [{ line: 1, message: error instanceof Error ? error.message : 'cannot be compiled' }] };
  }
}
