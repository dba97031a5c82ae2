/** Unit tests lie beside their code; what spans folders lies in a tier of its own under tests/. */
const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'mjs', 'js', 'cjs', 'json', 'node'],
  transform: { '\\.ts$': '<rootDir>/infra/jest/strip-types.mjs' },
  modulePathIgnorePatterns: ['<rootDir>/data/', '<rootDir>/.cache/'],
};
const tier = (name, testTimeout, more = {}) => ({
  ...shared,
  displayName: name,
  testMatch: [`<rootDir>/tests/${name}/**/*.test.ts`],
  testTimeout,
  ...more,
});

export default {
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/tests/.+/'],
    },
    tier('walk', 20_000),
    tier('conformance', 20_000),
    tier('broker', 60_000),
    tier('faults', 300_000),
    tier('real', 600_000),
  ],
};
