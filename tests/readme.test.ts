import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { everything } from './support/deployment.ts';
import { sh } from './support/shell.ts';

/** What the documents promise: their commands work, and what they point to is there. */
const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'];
const script = { script: true } as const;
const byStart = { by: 'tests/start/npm-start.test.ts' } as const;
const here = { here: true } as const;

/**
 * Who runs a command of the documents: a test that names it, this file, or nobody but people (`script`), as it runs the tests
 * themselves or rewrites files; then the script that package.json has for it must be there.
 */
const commands: Readonly<Record<string, { by: string } | typeof here | typeof script>> = {
  'npm start': byStart,
  'npm start -- --no-demo': byStart,
  'npm run reset': byStart,
  'npm test': script,
  'npm run check': script,
  'npm run test:faults': script,
  'npm run chaos -- --minutes 3 --seed 1': script,
  'npm run identity:storm -- --events 200000 --people 50000 --seed 1': script,
  'npm run demo:freshness': script,
  'npm run jest -- runtime': script,
  'npm run format': script,
  'npm run generate': script,
  'npm run freshet -- run tag-freshness stitch-identity watch-sources': { by: 'tests/broker/end-to-end.test.ts' },
  'npm run freshet -- run customers detect-fraud': { by: 'tests/broker/end-to-end.test.ts' },
  'npm run freshet -- run gateway email console': { by: 'tests/broker/end-to-end.test.ts' },
  'npm run freshet -- replay orders/*.csv --source retail-csv': byStart,
  'npm run freshet -- trace my-message-id': byStart,
  'npm run freshet -- rejected list --since 2h': { by: 'tests/broker/rejected.test.ts' },
  'npm run freshet -- rejected show 2/17': { by: 'tests/broker/rejected.test.ts' },
  "npm run freshet -- rejected replay --source shop --set 'event=Order Completed' --dry-run": {
    by: 'tests/broker/rejected.test.ts',
  },
  "npm run freshet -- rejected replay --source shop --cel 'timestamp=record.properties.at'": {
    by: 'tests/broker/rejected.test.ts',
  },
  'npm run freshet -- validate': here,
  'npm run freshet -- test': here,
  'npm run freshet -- topics': here,
};

/** Code blocks of a language, each with the text before it. */
function blocks(path: string, language: string): { readonly before: string; readonly code: string }[] {
  const text = read(path);
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => ({
    before: text.slice(0, match.index),
    code: match[1] ?? '',
  }));
}

const lines = (path: string): string[] =>
  blocks(path, 'sh').flatMap(({ code }) => code.split('\n').map((line) => line.replace(/\s+#.*/, '').trim()));
const written = documents.flatMap(lines).filter((line) => line !== '');

describe('commands of the documents', () => {
  it('are all run by a test, and no other is in the list of those', () => {
    expect([...new Set(written)].sort()).toEqual(Object.keys(commands).sort());
  });

  it('are there as scripts, and stand in the test that runs them', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> };
    for (const [command, how] of Object.entries(commands)) {
      const name = /^npm (?:run )?(\S+)/.exec(command)?.[1] ?? '';
      expect({ command, script: scripts[name] }).toEqual({ command, script: expect.any(String) });
      for (const [file] of (scripts[name] ?? '').matchAll(/\b(?:infra|cli|schemas)\/\S+\.m?ts\b/g)) {
        expect({ file, isThere: existsSync(join(root, file)) }).toEqual({ file, isThere: true });
      }
      if ('by' in how && !/freshet -- (?:run|rejected) /.test(command)) expect(read(how.by)).toContain(`'${command}`);
    }
  });

  it('run every part of a deployment where they run it in several processes', () => {
    const named = written.flatMap((line) => /freshet -- run (.*)/.exec(line)?.[1]?.split(' ') ?? []);
    expect(named.sort()).toEqual([...everything].sort());
  });
});

describe('the first segment of one’s own', () => {
  const [block] = blocks('README.md', 'yaml');
  const path = block?.before.match(/Write `([^`]+)`/)?.[1] ?? '';
  let workspace: string;
  beforeAll(() => {
    workspace = mkdtempSync(join(tmpdir(), 'freshet-readme-'));
    cpSync(join(root, 'examples', 'shop'), workspace, { recursive: true });
    writeFileSync(join(workspace, path.replace('examples/shop/', '')), block?.code ?? '');
  });
  afterAll(() => rmSync(workspace, { recursive: true }));

  it('is new, and named after its file', () => {
    expect(existsSync(join(root, path))).toBe(false);
    expect(path).toBe(`examples/shop/segments/${(parse(block?.code ?? '') as { segment: string }).segment}.yaml`);
  });

  it('passes the commands that are given for it, as does the list of topics', async () => {
    const run = Object.keys(commands).filter((command) => commands[command] === here);
    const [test, topics, validate] = await Promise.all(run.sort().map((command) => sh(`${command} -w ${workspace}`)));
    const segment = path.replace(/.*\/(.*)\.yaml/, '$1');
    expect(validate).toMatchObject({ code: 0, stdout: expect.stringMatching(/\d+ segments.* all good/) });
    expect(test).toMatchObject({ code: 0, stdout: expect.stringMatching(/\d+ passed, 0 failed/) });
    expect(test?.stdout).toMatch(new RegExp(`✓ ${segment}: `));
    expect(topics).toMatchObject({ code: 0, stdout: expect.stringMatching(/^segments\.membership .*MembershipChange/m) });
  }, 90_000);
});

describe('paths in the documents', () => {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
    .trim()
    .split('\n');
  const tracked = files.filter((file) => existsSync(join(root, file))).map((file) => `/${file}/`);
  /** Of whole names, so that `connectors` is no part of `my-connectors/`; below the folder that was named before, too. */
  const isThere = (path: string): boolean => tracked.some((file) => file.includes(`/${path.replace(/\/$/, '')}/`));
  const isIgnored = (path: string): boolean => {
    try {
      return execFileSync('git', ['check-ignore', path], { cwd: root, encoding: 'utf8' }) !== '';
    } catch {
      return false;
    }
  };
  const looksLikePath = (text: string): boolean =>
    /^[\w.-]+(\/[\w.<>-]+)*\/?$/.test(text) && (text.includes('/') || /\.(ts|mjs|json|md|yaml|avsc)$/.test(text));

  it.each(documents)('of %s are there', (document) => {
    const text = read(document).replaceAll(/^```.*?^```/gms, '');
    const quoted = [...text.matchAll(/(Write )?`([^`\n]+)`/g)].map(([, write, token = '']) => (write ? dirname(token) : token));
    const linked = [...text.matchAll(/\]\(([^)#]+)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^https?:/.test(target));
    // A placeholder stands for a name: what is before it must be there.
    const paths = [...quoted.filter(looksLikePath), ...linked].map((path) => path.replace(/\/?[^/]*<.*/, ''));
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((path) => path !== '' && !isThere(path) && !isIgnored(path))).toEqual([]);
  });
});
