import { defineConfig } from 'oxlint';

const ours = [
  'runtime',
  'schemas',
  'processors',
  'connectors',
  'services',
  'workspace',
  'cli',
  'infra',
  'examples',
  'bench',
  'tests',
];

/** Bans imports of every folder of ours outside `allowed`; the architecture test checks the same over resolved paths. */
const imports = (allowed: readonly string[], packages: readonly string[] = ['kafkajs', '@nxtedition/rocksdb']) => {
  const banned = ours.filter((folder) => !allowed.includes(folder));
  const folders = { regex: `^(\\.\\./)+(${banned.join('|')})/`, message: 'ARCHITECTURE.md says who may import whom.' };
  const engines = { regex: `^(${packages.join('|')})(/|$)`, message: 'Only its adapter in runtime/ imports it.' };
  const patterns = banned.length === 0 ? [engines] : [folders, engines];
  const rule: ['error', { patterns: { regex: string; message: string }[] }] = ['error', { patterns }];
  return { 'eslint/no-restricted-imports': rule };
};

const pure = (object: string, property: string) => ({
  object,
  property,
  message: 'A processor has no clock and no randomness: take it from the record or the context.',
});

export default defineConfig({
  plugins: ['eslint', 'typescript', 'unicorn', 'oxc', 'import', 'node'],
  categories: { correctness: 'error', suspicious: 'error' },
  ignorePatterns: ['**/generated/**', 'data/**', '.cache/**', 'bench/peers/**'],
  rules: {
    ...imports(ours),
    'eslint/no-console': 'error',
    'eslint/no-var': 'error',
    'eslint/prefer-const': 'error',
    'eslint/eqeqeq': 'error',
    'eslint/max-lines': ['error', { max: 400 }],
    'eslint/no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'], location: 'anywhere' }],
    'import/no-default-export': 'error',
    'import/no-cycle': 'error',
    'node/no-process-env': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/ban-ts-comment': 'error',
    'typescript/no-namespace': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/await-thenable': 'error',
    'typescript/only-throw-error': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'typescript/no-unsafe-argument': 'error',
    'typescript/no-unsafe-assignment': 'error',
    'typescript/no-unsafe-call': 'error',
    'typescript/no-unsafe-member-access': 'error',
    'typescript/no-unsafe-return': 'error',
    'eslint/no-await-in-loop': 'off',
    'eslint/no-shadow': 'off',
    'eslint/no-underscore-dangle': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'unicorn/no-array-sort': 'off',
    'typescript/no-unnecessary-type-arguments': 'off',
    'typescript/no-unnecessary-type-parameters': 'off',
    'typescript/no-unsafe-type-assertion': 'off',
    'import/no-unassigned-import': 'off',
  },
  overrides: [
    { files: ['runtime/**'], rules: imports(['runtime']) },
    { files: ['runtime/kafka/**'], rules: imports(['runtime'], ['@nxtedition/rocksdb']) },
    { files: ['runtime/state/rocksdb.ts'], rules: imports(['runtime'], ['kafkajs']) },
    { files: ['schemas/**', 'infra/**'], rules: imports(['runtime', 'schemas', 'infra']) },
    { files: ['processors/**'], rules: imports(['runtime', 'schemas']) },
    { files: ['connectors/**'], rules: imports(['runtime', 'schemas', 'connectors']) },
    { files: ['services/**'], rules: imports(['runtime', 'schemas', 'services']) },
    {
      files: ['processors/**'],
      excludeFiles: ['**/*.test.ts'],
      rules: {
        'eslint/no-restricted-globals': ['error', 'fetch', 'setTimeout', 'setInterval', 'setImmediate', 'performance'],
        'eslint/no-restricted-properties': [
          'error',
          pure('Date', 'now'),
          pure('Math', 'random'),
          pure('crypto', 'randomUUID'),
          pure('crypto', 'getRandomValues'),
        ],
      },
    },
    { files: ['cli/**', 'infra/**', 'bench/**', 'tests/**'], rules: { 'node/no-process-env': 'off' } },
    { files: ['cli/**', 'bench/**'], rules: { 'eslint/no-console': 'off' } },
    { files: ['*.config.mjs', '*.config.ts', 'infra/jest/**'], rules: { 'import/no-default-export': 'off' } },
    {
      files: ['**/*.mjs'],
      rules: {
        'typescript/no-unsafe-argument': 'off',
        'typescript/no-unsafe-assignment': 'off',
        'typescript/no-unsafe-call': 'off',
        'typescript/no-unsafe-member-access': 'off',
        'typescript/no-unsafe-return': 'off',
      },
    },
  ],
});
