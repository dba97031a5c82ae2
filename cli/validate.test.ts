import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from '@jest/globals';

const files = {
  'freshet.yaml': 'name: shop\nsecret: secret of a test\nchannels: { letter: { max_age: { stock: 1h } } }\n',
  'sources/desk.yaml': 'source: desk\ndescription: d\nowner: us\ntopic: {}\nevents: [Lent]\n',
  'sources/stock.yaml': 'source: stock\ndescription: d\nowner: us\ntopic: {}\nevents: [Counted]\nfed_by: { tills: realtime }\n',
  'sources/tills.yaml':
    'source: tills\ndescription: d\nowner: us\ntopic: {}\nevents: [Sold]\ncadence: { nightly: { at: "02:00" } }\n',
  'segments/reader.yaml': 'segment: reader\nwhen: { count: { of: Lent, at_least: 1 } }\n',
  'activations/thanks.yaml':
    'activation: thanks\non: { segment: reader }\nchannel: letter\naddress: street\ntemplate: thanks\nvalid_for: 1d\n',
  'activations/note.yaml':
    'activation: note\non: { segment: reader }\nchannel: sms\naddress: phone\ntemplate: thanks\nvalid_for: 1d\n',
  'templates/thanks.liquid': 'Thanks.',
};

it('freshet feasibility lists every rule and message with the ages of its sources, and validate warns of the channel', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'feasibility-'));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), text);
  }
  const freshet = (command: string): string => {
    const main = join(import.meta.dirname, 'main.ts');
    const { stdout, stderr } = spawnSync(process.execPath, [main, command, '--workspace', dir], { encoding: 'utf8' });
    expect(stderr.split('\n').filter((line) => line.startsWith('freshet:'))).toEqual([]);
    return stdout;
  };
  try {
    const rows = freshet('feasibility').trimEnd().split('\n');
    expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
      ['rule', 'source', 'best age', 'worst age', 'max_age', 'met'],
      ['segment reader', 'desk', '6s', '6s', '-', 'ungated'],
      ['activation note', 'desk', '6s', '6s', '-', 'ungated'],
      ['activation thanks', 'desk', '6s', '6s', '-', 'ungated'],
      ['activation thanks', 'stock', '1h1s', '1d2h1s', '1h', 'never'],
    ]);
    expect(freshet('validate')).toContain(
      'warning: freshet.yaml:3:34 channels.letter.max_age.stock: 1h can never be met: stock is at least 1h1s old (fed by tills, nightly at 02:00 UTC)',
    );
  } finally {
    await rm(dir, { recursive: true });
  }
});
