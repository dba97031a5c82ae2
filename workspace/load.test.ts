import { createHash } from 'node:crypto';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { defaultFraud } from '../processors/detect-fraud/config.ts';
import { defaultIdentity } from '../processors/stitch-identity/identity.ts';
import type { FreshetError } from '../runtime/errors.ts';
import { workspaceJsonSchemas } from './json-schemas.ts';
import { loadWorkspace, type LoadOptions } from './load.ts';
import { runSegmentTests } from './segment-tests.ts';

const dirs: string[] = [];
afterEach(async () => {
  await Promise.all(dirs.splice(0).map((dir) => rm(dir, { recursive: true })));
});

async function workspace(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'workspace-'));
  dirs.push(dir);
  for (const [file, text] of Object.entries({ ...complete, ...files })) {
    if (text === '') continue;
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), text);
  }
  return dir;
}

async function problems(files: Readonly<Record<string, string>>, options: LoadOptions = {}): Promise<readonly string[]> {
  const dir = await workspace(files);
  const error: unknown = await loadWorkspace(dir, { KEY: 'secret of a test' }, options).then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  return (error as FreshetError).message.replaceAll(dir, '<dir>').split('\n');
}

const complete = {
  'freshet.yaml': 'name: library\nsecret: ${KEY}\nprofiles:\n  quick: { patience: 1m }\n',
  'sources/desk.yaml': 'source: desk\ndescription: The desk\nowner: us\ntopic: {}\nevents: [Lent, Returned]\n',
  'segments/overdue.yaml': `segment: overdue
when:
  absence: { of: Returned, after: Lent, within: "\${patience:28d}", same: book }
tests:
  - given: [{ t: 0d, event: Lent, book: b1 }]
    then: { at: 28d, member: true }
`,
  'activations/reminder.yaml': `activation: reminder
on: { segment: overdue }
channel: letter
address: street
template: reminder
valid_for: 1d
`,
  'templates/reminder.liquid': 'Please.',
};

describe('a workspace', () => {
  it('may say how identifiers become customers and what fraud is; otherwise the defaults hold', async () => {
    const env = { KEY: 'secret of a test' };
    const loaded = await loadWorkspace(await workspace({}), env);
    expect([loaded.identity, loaded.fraud]).toEqual([defaultIdentity, defaultFraud]);
    const own = await loadWorkspace(
      await workspace({ 'identity.yaml': 'max_neighbours: 7\n', 'fraud.yaml': 'within: 3m\n' }),
      env,
    );
    expect([own.identity.maxNeighbours, own.fraud.windowMs]).toEqual([7, 180_000]);
  });

  it('names the place of what is wrong in these', async () => {
    const identity = "kinds:\n  email:\n    limit: 3\n    blocked_patterns:\n      - ok\n      - '('\n";
    expect(await problems({ 'identity.yaml': identity, 'fraud.yaml': 'within: soon\n' })).toEqual([
      expect.stringMatching(/^fraud\.yaml:1:1 within: expected /),
      expect.stringMatching(/^identity\.yaml:6:9 kinds\.email\.blocked_patterns\.1: expected a regular expression \(RE2\)/),
    ]);
    expect(await problems({ 'identity.yaml': 'kinds:\n  email: { limits: 3 }\n' })).toEqual([
      expect.stringMatching(/^identity\.yaml:2:12 kinds\.email\.limits: unknown field, expected one of priority, limit/),
    ]);
  });

  it('is compiled whole: settings, sources, segments, activations and the names of templates', async () => {
    const loaded = await loadWorkspace(await workspace({}), { KEY: 'secret of a test' });
    expect(loaded).toMatchObject({ name: 'library', secret: 'secret of a test', timezone: 'UTC', templates: ['reminder'] });
    expect(loaded.sources.map(({ name }) => name)).toEqual(['desk']);
    expect(loaded.segments.map(({ name, events }) => [name, events])).toEqual([['overdue', ['Lent', 'Returned']]]);
    expect(loaded.activations.map(({ name, channel }) => [name, channel])).toEqual([['reminder', 'letter']]);
  });

  it('takes write keys from the environment, and keeps none of them', async () => {
    const dir = await workspace({
      'sources/web.yaml': 'source: web\ndescription: The site\nowner: us\nendpoint: { write_keys: ["${KEY}"] }\n',
    });
    const loaded = await loadWorkspace(dir, { KEY: 'secret of a test' });
    const hash = createHash('sha256').update('secret of a test').digest('hex');
    expect(loaded.sources.at(-1)?.input).toEqual({ kind: 'endpoint', writeKeyHashes: [hash] });
    await expect(loadWorkspace(dir, {})).rejects.toThrow('the environment variable KEY is not set');
  });

  it('runs the tests of its segments, and says what was found instead', async () => {
    const dir = await workspace({});
    const [passed] = runSegmentTests(await loadWorkspace(dir, { KEY: 'secret of a test' }));
    expect(passed).toMatchObject({ failures: [], test: { file: 'segments/overdue.yaml', line: 5 } });
    const [failed] = runSegmentTests(
      await loadWorkspace(
        await workspace({ 'segments/overdue.yaml': complete['segments/overdue.yaml'].replace('at: 28d', 'at: 27d') }),
        { KEY: 'secret of a test' },
      ),
    );
    expect(failed?.failures).toEqual(['at 27d: expected a member, found the opposite: still waiting 28d for Returned']);
  });

  it('takes the values of a profile for its parameters', async () => {
    const { segments } = await loadWorkspace(await workspace({}), { KEY: 'secret of a test' }, { profile: 'quick' });
    expect(JSON.stringify(segments[0]?.leaves[0]?.leaf.meaning)).toContain('"within":60000');
    expect(await problems({}, { profile: 'slow' })).toEqual([
      'freshet.yaml:3:1 profiles: expected the profile slow, found quick',
    ]);
  });
});

describe('sources that feed each other', () => {
  const fed = (name: string, by: string): string =>
    `source: ${name}\ndescription: d\nowner: us\ntopic: {}\nfed_by: { ${by}: realtime }\n`;

  it('may do so in a line, and not in a circle', async () => {
    const line = { 'sources/a.yaml': fed('a', 'b'), 'sources/b.yaml': fed('b', 'post') };
    await loadWorkspace(await workspace(line), { KEY: 'secret of a test' });
    expect(await problems({ ...line, 'sources/b.yaml': fed('b', 'a'), 'sources/c.yaml': fed('c', 'c') })).toEqual([
      'sources/a.yaml:5:11 fed_by.b: expected what is not fed by a itself',
      'sources/b.yaml:5:11 fed_by.a: expected what is not fed by b itself',
      'sources/c.yaml:5:11 fed_by.c: expected what is not fed by c itself',
    ]);
  });

  it('and those that demand what such a source cannot give are warned, with the link to blame', async () => {
    const stock = fed('stock', 'tills').replace('realtime', '{ nightly: { at: "02:00" } }');
    const segment = `${complete['segments/overdue.yaml']}max_age: { stock: 1h }\n`;
    const { warnings, activations } = await loadWorkspace(
      await workspace({ 'sources/stock.yaml': stock, 'segments/overdue.yaml': segment }),
      { KEY: 'secret of a test' },
    );
    expect(warnings.map(({ file, message }) => `${file} ${message}`)).toEqual([
      'segments/overdue.yaml 1h is met for a part of the time only: between two words of stock its facts grow 1d1h6s old (fed by tills, nightly at 02:00 UTC)',
    ]);
    expect(activations[0]?.freshness).toEqual({ maxAgeMs: { stock: 3_600_000 }, beyond: 'hold' });
  });
});

describe('the schema of a source', () => {
  const desk = complete['sources/desk.yaml'];
  const key = { KEY: 'secret of a test' };

  it('stands in its file, or in a file beside it', async () => {
    const schema = { type: 'object', properties: { book: { type: 'string', title: '${book}' } } };
    const files = { 'sources/desk.yaml': `${desk}schema: desk.json\n`, 'sources/desk.json': JSON.stringify(schema) };
    expect((await loadWorkspace(await workspace(files), key)).sources[0]?.schema).toEqual(schema);
    const inline = { 'sources/desk.yaml': `${desk}schema: { type: object }\n` };
    expect((await loadWorkspace(await workspace(inline), key)).sources[0]?.schema).toEqual({ type: 'object' });
  });

  it('is refused at its place where it is none', async () => {
    const wrong = '{\n  "properties": {\n    "book": { "type": "buch" }\n  }\n}\n';
    expect(await problems({ 'sources/desk.yaml': `${desk}schema: desk.json\n`, 'sources/desk.json': wrong })).toEqual([
      expect.stringMatching(
        /^sources\/desk\.json:3:15 properties\.book\.type: not a JSON Schema: expected one of .*, found "buch"$/,
      ),
    ]);
    expect(await problems({ 'sources/desk.yaml': `${desk}schema:\n  properties: { book: { type: buch } }\n` })).toEqual([
      expect.stringMatching(/^sources\/desk\.yaml:7:25 schema\.properties\.book\.type: not a JSON Schema: expected one of /),
    ]);
    expect(await problems({ 'sources/desk.yaml': `${desk}schema: shelf.json\n` })).toEqual([
      'sources/desk.yaml:6:1 schema: expected a file sources/shelf.json, there is none',
    ]);
    expect((await problems({ 'sources/desk.yaml': `${desk}schema: ../secret.json\n` })).join()).toContain(
      'schema: expected What',
    );
  });
});

describe('what a channel demands', () => {
  const demanding = (source: string): string =>
    `${complete['freshet.yaml']}channels:\n  letter: { max_age: { ${source}: 2s } }\n`;

  it('is warned of at its place where its source cannot give it', async () => {
    const dir = await workspace({ 'freshet.yaml': demanding('desk') });
    const { warnings } = await loadWorkspace(dir, { KEY: 'secret of a test' });
    expect(warnings).toEqual([
      {
        file: 'freshet.yaml',
        line: 6,
        column: 24,
        field: 'channels.letter.max_age.desk',
        message: '2s can never be met: desk is at least 6s old',
      },
    ]);
  });

  it('is of a source that there is', async () => {
    expect(await problems({ 'freshet.yaml': demanding('shelf') })).toEqual([
      'freshet.yaml:6:24 channels.letter.max_age.shelf: expected a source of this workspace (desk), found "shelf"',
    ]);
  });
});

describe('a problem', () => {
  it('is told with file, line, column, field and what was expected; all of them at once', async () => {
    const found = await problems({
      'segments/overdue.yaml': 'segment: overdue\nwhen:\n  absence: { of: Returned, after: Lent, within: soon }\ncolour: red\n',
      'segments/readers.yaml': 'segment: Readers\nwhen:\n  count: { of: Lent, within: 7d }\n',
      'segments/often.yaml': 'segment: often\nwhen:\n  count: { of: Lent, where: "properties.", within: 7d, at_least: 1 }\n',
      'activations/reminder.yaml': `${complete['activations/reminder.yaml']}data: [name]\n`,
    });
    expect(found).toEqual([
      'activations/reminder.yaml:7:1 data: expected object (Variables of the template, by the trait that each comes from; a trait that is not known leaves its variable out.), found ["name"]',
      'segments/often.yaml:3:22 when.count.where: not a valid CEL expression: Expected IDENTIFIER, got EOF at column 12 of "properties."',
      'segments/overdue.yaml:3:41 when.absence.within: expected How long is waited. Exactly at the end is still in time. A duration: 500ms, 5s, 10m, 1h30m, 30d, 2w., found "soon"',
      'segments/overdue.yaml:4:1 colour: unknown field, expected one of segment, description, when, eager, mode, publish, max_age, beyond, tests',
      'segments/readers.yaml:1:1 segment: expected Name of the segment: lower-case letters, digits and dashes., found "Readers"',
    ]);
  });

  it('is found in rules that the schema cannot judge', async () => {
    expect(
      await problems({ 'segments/a.yaml': 'segment: a\nwhen:\n  count: { of: Lent }\n', 'activations/reminder.yaml': '' }),
    ).toEqual([
      'segments/a.yaml:3:3 when.count: expected exactly one of at_least, more_than, at_most, less_than, exactly, found none',
    ]);
  });

  it('are names that lead nowhere, and names that are there twice', async () => {
    const found = await problems({
      'segments/overdue.yaml': complete['segments/overdue.yaml'].replace('after: Lent', 'after: Borrowed'),
      'segments/twin.yaml': complete['segments/overdue.yaml'],
      'activations/reminder.yaml': `${complete['activations/reminder.yaml']
        .replace('overdue', 'late')
        .replace('template: reminder', 'template: please')}max_age: { shelf: 10m }\n`,
    });
    expect(found).toEqual([
      'activations/reminder.yaml:2:7 on.segment: expected a segment of this workspace (overdue), found "late"',
      'activations/reminder.yaml:5:1 template: expected a template of this workspace (reminder), found "please"',
      'activations/reminder.yaml:7:12 max_age.shelf: expected a source of this workspace (desk), found "shelf"',
      'segments/overdue.yaml:3:28 when.absence.after: expected an event that a source carries (Lent, Returned), found "Borrowed"',
      'segments/twin.yaml:1:1 segment: expected a name of its own, "overdue" is also in segments/overdue.yaml',
    ]);
  });

  it('is a rate of exchange of no time, a figure that converts without rates, and a source that is called like them', async () => {
    const converting = 'segment: overdue\nwhen: { sum: { of: Lent, value: properties.fee, convert_to: EUR, at_least: 5 } }\n';
    expect(await problems({ 'segments/overdue.yaml': converting })).toEqual([
      'segments/overdue.yaml:2:49 when.sum.convert_to: expected `rates` in freshet.yaml, there are none',
    ]);
    const rates = (as_of: string): string =>
      `${complete['freshet.yaml']}rates: { base: EUR, tables: [{ as_of: ${as_of}, rates: { USD: 0.9 } }] }\n`;
    expect((await problems({ 'freshet.yaml': rates('yesterday') })).join()).toContain(
      'rates.tables.0.as_of: expected Since when',
    );
    const source = complete['sources/desk.yaml'].replace('source: desk', 'source: rates');
    const files = { 'freshet.yaml': rates('2026-01-02'), 'sources/desk.yaml': source, 'segments/overdue.yaml': converting };
    expect(await problems(files)).toEqual([
      'sources/desk.yaml:1:1 source: expected another name, rates are the rates of freshet.yaml',
    ]);
  });

  it('is a topic that two segments have to themselves', async () => {
    const own = (name: string): string =>
      `${complete['segments/overdue.yaml'].replace('segment: overdue', `segment: ${name}`)}publish: { topic: segments.late }\n`;
    const found = await problems({ 'segments/overdue.yaml': own('overdue'), 'segments/tardy.yaml': own('tardy') });
    expect(found).toEqual([
      'segments/tardy.yaml:7:12 publish.topic: expected a topic of its own, segments.late is that of segments/overdue.yaml',
    ]);
  });

  it('of a segment does not make its activations look wrong', async () => {
    const found = await problems({ 'segments/overdue.yaml': 'segment: overdue\nwhen: {}\n' });
    expect(found.map((line) => line.split(' ')[0])).toEqual(['segments/overdue.yaml:2:1']);
  });

  it('is YAML that is none, a parameter without a value, a file that is missing', async () => {
    expect(await problems({ 'segments/overdue.yaml': 'segment: [overdue\n', 'activations/reminder.yaml': '' })).toEqual([
      expect.stringMatching(/^segments\/overdue\.yaml:2:1 expected YAML: Flow sequence/),
    ]);
    expect(await problems({ 'freshet.yaml': 'name: library\nsecret: ${OTHER}\n' })).toEqual([
      'freshet.yaml:2:9 the parameter OTHER has no value: expected it in the profile or the environment, or a default as in ${OTHER:…}',
    ]);
    expect(await problems({ 'freshet.yaml': '' })).toEqual(['freshet.yaml:1:1 expected this file in <dir>']);
  });
});

describe('the JSON Schemas', () => {
  it('describe every field, for editors', () => {
    const undescribed: string[] = [];
    const visit = (schema: unknown, path: string): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const { properties, items, anyOf, $defs, additionalProperties } = schema as Record<string, unknown>;
      for (const [name, each] of Object.entries((properties ?? {}) as Record<string, object>)) {
        if (!('description' in each)) undescribed.push(`${path}.${name}`);
        visit(each, `${path}.${name}`);
      }
      for (const [name, each] of Object.entries(($defs ?? {}) as Record<string, object>)) visit(each, `${path}#${name}`);
      for (const each of [items, additionalProperties, ...((anyOf ?? []) as unknown[])]) visit(each, `${path}[]`);
    };
    for (const [kind, schema] of Object.entries(workspaceJsonSchemas())) visit(schema, kind);
    expect(undescribed).toEqual([]);
  });
});
