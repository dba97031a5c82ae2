/** Unit tests lie beside their code; what spans folders lies in a tier of its own under tests/. */
const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'mjs', 'js', 'cjs', 'json', 'node'],
  transform: { '\\.ts$': '<rootDir>/infra/jest/strip-types.mjs' },
  modulePathIgnorePatterns: ['<rootDir>/data/', '<rootDir>/.cache/'],
};
const tier = (name, patience, hooks = {}) => ({
  ...shared,
  displayName: name,
  testMatch: [`<rootDir>/tests/${name}/**/*.test.ts`],
  globals: { patience },
  setupFilesAfterEnv: ['<rootDir>/infra/jest/patience.ts'],
  ...hooks,
});
const onCluster = {
  globalSetup: '<rootDir>/infra/jest/with-cluster.ts',
  globalTeardown: '<rootDir>/infra/jest/end-cluster.ts',
};

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
    tier('broker', 60_000, onCluster),
    tier('faults', 300_000, { globalSetup: '<rootDir>/infra/jest/like-production.ts' }),
    tier('real', 600_000, onCluster),
  ],
};
