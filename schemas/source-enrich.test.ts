import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { compileSource } from './source-schema.ts';

const doc = readFileSync(join(import.meta.dirname, '..', 'docs', 'enrichment.md'), 'utf8');
const examples = [...doc.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => parse(text) as object);

describe('what is declared of an enrichment', () => {
  const yaml = (enrich: object, more: object = {}) => ({
    source: 'weather',
    description: 'd',
    owner: 'o',
    enrich: {
      events: ['Page Viewed'],
      key: 'event.properties.city',
      url: 'https://weather.example/{key}',
      fresh_for: '1h',
      budget: { calls: 10, per: '1h' },
      ...enrich,
    },
    transform: [{ event: 'Told', identifiers: { user_id: 'record.identifiers.user_id' } }],
    ...more,
  });

  it('is as the document shows it, of customers and of things', () => {
    const env = { WEATHER_TOKEN: 'of the weather', SUPPLIER_TOKEN: 'of the supplier' };
    const inputs = examples.map((example) => compileSource(example, env).input);
    expect(inputs).toMatchObject([
      {
        enrich: {
          ofCustomers: true,
          headers: { authorization: 'Bearer of the weather' },
          atOnce: 4,
          attempts: 4,
          timeoutMs: 2000,
        },
      },
      { enrich: { ofCustomers: false, headers: { 'x-api-key': 'of the supplier' } } },
    ]);
  });

  it('has a clock that it states itself', () => {
    expect(compileSource(yaml({}), {})).toMatchObject({ liveness: { kind: 'stated' }, input: { enrich: { ofCustomers: true } } });
  });

  it.each([
    [{ url: 'https://{key}.example/' }, {}, 'What is asked'],
    [{ url: 'https://weather.example/' }, {}, 'What is asked'],
    [{ key: 'event.(' }, {}, 'not a valid CEL expression'],
    [{ fresh_for: '10ms' }, {}, 'expected 1s or more'],
    [{ budget: { calls: 0, per: '1h' } }, {}, 'How many'],
    [{ budget: { calls: 1, per: '1ms' } }, {}, 'expected 1s or more'],
    [{ auth: { bearer: '${NOWHERE}' } }, {}, 'the environment variable NOWHERE is not set'],
    [{ auth: { bearer: 'plain' } }, {}, 'secrets do not stand in files'],
    [{}, { transform: undefined }, '"transform" is missing'],
    [{}, { transform: [{ skip: 'all' }] }, 'nobody would hear of an answer'],
    [{}, { liveness: 'drained' }, 'expected none'],
    [{}, { topic: {} }, 'expected exactly one of'],
  ])('%j %j is refused', (enrich, more, message) => {
    const given = Object.fromEntries(Object.entries(yaml(enrich, more)).filter(([, value]) => value !== undefined));
    expect(() => compileSource(given, {})).toThrow(message);
  });
});
