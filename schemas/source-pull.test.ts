import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { compileSource } from './source-schema.ts';

const doc = readFileSync(join(import.meta.dirname, '..', 'docs', 'freshness.md'), 'utf8');
const examples = [...doc.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => parse(text) as object);
const env = { SUPPLIER_TOKEN: 'of the supplier', PAYMENTS_SECRET: 'of the payments' };

describe('sources that are asked for, and sources that call', () => {
  it.each(examples.flatMap((yaml) => ('poll' in yaml || 'webhook' in yaml ? [yaml] : [])))(
    'are as the document shows them: %j',
    (yaml) => {
      const source = compileSource(yaml, env);
      expect(['poll', 'webhook']).toContain(source.input.kind);
      expect(JSON.stringify(source)).toContain('of the ');
    },
  );

  it('are two in the document', () => {
    expect(examples.filter((yaml) => 'poll' in yaml || 'webhook' in yaml)).toHaveLength(2);
  });

  it('keep their secrets in the environment', () => {
    const webhook = examples.find((yaml) => 'webhook' in yaml);
    expect(() => compileSource(webhook, {})).toThrow('the environment variable PAYMENTS_SECRET is not set');
    expect(() => compileSource({ ...webhook, webhook: { secrets: ['plain'], signature: 'github' } }, env)).toThrow(
      'secrets do not stand',
    );
  });
});
