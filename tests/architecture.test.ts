import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '..');
const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
const files = listed.filter((path) => existsSync(join(root, path)) && path !== 'package-lock.json');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const generated = (path: string): boolean => path.includes('/generated/') || path === 'schemas/README.md';
const code = files.filter((path) => /\.(ts|mjs|js|cjs)$/.test(path) && !path.startsWith('bench/peers/'));

interface Import {
  readonly from: string;
  readonly line: number;
  readonly target: string;
}

const importing = /^(?:import\s(?:[^'"]*?\sfrom\s)?|export\s[^'";=()]*?\sfrom\s)['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

/** Every import of a file of ours; a relative one resolved to a path from the root, any other left as its package's name. */
function importsOf(from: string): readonly Import[] {
  const found: Import[] = [];
  for (const match of text(from).matchAll(importing)) {
    const specifier = match[1] ?? match[2] ?? '';
    const line = text(from).slice(0, match.index).split('\n').length;
    found.push({ from, line, target: specifier.startsWith('.') ? normalize(join(dirname(from), specifier)) : specifier });
  }
  return found;
}
const allImports = code.flatMap(importsOf);
const show = ({ from, line, target }: Import): string => `${from}:${line} imports ${target}`;

/** Which folders of ours each folder may import besides itself. Folders that are not here put things together and may import all. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  schemas: ['runtime'],
  processors: ['runtime', 'schemas'],
  connectors: ['runtime', 'schemas'],
  services: ['runtime', 'schemas'],
  infra: ['runtime', 'schemas'],
};
/** What nothing but itself, the composition roots and tests may import. */
const compositionRoots = ['cli', 'workspace', 'tests', 'examples', 'bench'];

const folderOf = (path: string): string => path.split('/')[0] ?? '';
/** What is deployed alone: processors/a for processors/a/b.ts, connectors/sinks/a for connectors/sinks/a/b.ts; none for a file they share. */
function componentOf(path: string): string | undefined {
  const depth = { processors: 2, connectors: 3 }[folderOf(path)];
  const parts = path.split('/');
  return depth === undefined || parts.length <= depth || parts[depth - 1] === 'with'
    ? undefined
    : parts.slice(0, depth).join('/');
}

describe('imports', () => {
  it('go only where the rules of the folder allow', () => {
    const folders = new Set([...Object.keys(mayImport), ...compositionRoots]);
    const wrong = allImports.filter(({ from, target }) => {
      const allowed = mayImport[folderOf(from)];
      const to = folderOf(target);
      return allowed !== undefined && folders.has(to) && target.includes('/') && to !== folderOf(from) && !allowed.includes(to);
    });
    expect(wrong.map(show)).toEqual([]);
  });

  it('never lead from one processor or connector to another', () => {
    const wrong = allImports.filter(({ from, target }) => {
      const [component, other] = [componentOf(from), componentOf(target)];
      return component !== undefined && other !== undefined && component !== other;
    });
    expect(wrong.map(show)).toEqual([]);
  });

  it('of kafkajs stay in runtime/kafka, and of the store binding in one file', () => {
    const wrong = allImports.filter(
      ({ from, target }) =>
        (/^kafkajs(\/|$)/.test(target) && !from.startsWith('runtime/kafka/')) ||
        (/^@nxtedition\/rocksdb(\/|$)/.test(target) && from !== 'runtime/state/rocksdb.ts'),
    );
    expect(wrong.map(show)).toEqual([]);
  });
});

describe('processors', () => {
  const inProcessors = (path: string): boolean => path.startsWith('processors/') && !path.endsWith('.test.ts');

  it('take the time only from the record or the context', () => {
    expect(code.filter((path) => inProcessors(path) && /\bnew Date\(\s*\)/.test(text(path)))).toEqual([]);
  });

  it('reach neither files, network, threads nor timers', () => {
    const outside = /^(node:)?(fs|net|tls|http|https|http2|dgram|dns|child_process|worker_threads|cluster|timers|os)(\/|$)/;
    expect(allImports.filter(({ from, target }) => inProcessors(from) && outside.test(target)).map(show)).toEqual([]);
  });
});

describe('files', () => {
  it('are short enough to be read in one go', () => {
    const measured = files.filter(
      (path) =>
        /\.(ts|mjs|js|html|css|md|yaml|yml)$/.test(path) &&
        !generated(path) &&
        !text(path).startsWith('<!-- Generated') &&
        path !== 'CHANGELOG.md',
    );
    const long = measured.map((path) => ({ path, lines: text(path).split('\n').length - 1 }));
    expect(long.filter(({ path, lines }) => lines > (path === 'ARCHITECTURE.md' ? 200 : 400))).toEqual([]);
  });

  it('have kebab-case names', () => {
    expect(code.filter((path) => !path.split('/').every((part) => /^\.?[a-z0-9]+([.-][a-z0-9]+)*$/.test(part)))).toEqual([]);
  });

  it.each([
    ['a path of one machine', /(?<![\w.}])\/(?:work|farm|tmp|root|home|Users)\/[a-z]/],
    ['the host of a package registry', /\b(?:registry\.(?:npmjs|yarnpkg)|repo1?\.maven|central\.sonatype)\b/],
    [
      'an unfinished remark or a silenced check',
      /\b(?:T[O]DO|F[I]XME|X[X]X)\b|@ts-(?:ignore|nocheck)|\b(?:it|test|describe)\.(?:skip|only|todo)\(/,
    ],
  ])('never hold %s', (_, pattern) => {
    const readable = files.filter((path) => !/\.(csv|gz|png|jpg|ico|zip|xlsx|parquet|woff2?)$/.test(path));
    expect(readable.filter((path) => pattern.test(text(path)))).toEqual([]);
  });
});

describe('the lock file', () => {
  interface Locked {
    readonly version?: string;
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  }
  const lock = text('package-lock.json');

  it('names no download address', () => {
    expect(lock).not.toMatch(/"resolved": "https?:/);
  });

  it('holds the packages of every platform, so that npm ci works on each', () => {
    const { packages } = JSON.parse(lock) as { readonly packages: Readonly<Record<string, Locked>> };
    const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
    const optional = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies));
    expect(optional.filter((name) => !names.has(name))).toEqual([]);
  });
});

/** Names an example workspace declares (segments, sources, activations) or listens to (events, written in title case). */
function exampleNames(): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (value: unknown, key: string): void => {
    if (typeof value === 'string') {
      if (['segment', 'source', 'activation', 'alert'].includes(key) || /^[A-Z][a-z]+( [A-Z][a-z]+)+$/.test(value))
        names.add(value);
    } else if (Array.isArray(value)) value.forEach((each) => visit(each, ''));
    else if (value !== null && typeof value === 'object') Object.entries(value).forEach(([name, each]) => visit(each, name));
  };
  for (const path of files.filter((each) => /^examples\/.+\.ya?ml$/.test(each)))
    for (const document of parseAllDocuments(text(path))) visit('toJS' in document ? document.toJS() : undefined, '');
  return names;
}

describe('the code', () => {
  it('knows no segment, source, activation or event of an example workspace', () => {
    const names = exampleNames();
    const shared = code.filter((path) => !/^(examples|tests|bench)\/|\/testing\//.test(path) && !path.endsWith('.test.ts'));
    const wrong = shared.flatMap((path) =>
      // The folder examples/<name> is where the default workspace lies, not a name in it.
      [...text(path).matchAll(/(?<!'examples', )(['"`])([^'"`\n]+)\1/g)]
        .filter(([, , literal = '']) => names.has(literal))
        .map(([literal]) => `${path}: ${literal}`),
    );
    expect(wrong).toEqual([]);
  });
});
