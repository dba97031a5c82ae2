/** Unit tests lie beside their code; what spans folders lies in a tier of its own under tests/. */
const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'mjs', 'js', 'cjs', 'json', 'node'],
  transform: { '\\.ts$': '<rootDir>/infra/jest/strip-types.mjs' },
  modulePathIgnorePatterns: ['<rootDir>/data/', '<rootDir>/.cache/'],
};
/** `tries`: how often a test may fail before it has failed, where real processes share two cores with each other; told at the end. */
const tier = (name, patience, { tries = 1, ...more } = {}) => ({
  ...shared,
  displayName: name,
  testMatch: [`<rootDir>/tests/${name}/**/*.test.ts`],
  globals: { patience, tries },
  setupFilesAfterEnv: ['<rootDir>/infra/jest/patience.ts'],
  ...more,
});
const onCluster = {
  globalSetup: '<rootDir>/infra/jest/with-cluster.ts',
  globalTeardown: '<rootDir>/infra/jest/end-cluster.ts',
};
const onThreeBrokers = {
  globalSetup: '<rootDir>/infra/jest/with-three-brokers.ts',
  globalTeardown: '<rootDir>/infra/jest/end-three-brokers.ts',
};

export default {
  maxWorkers: '100%',
  projects: [
    tier('unit', 30_000, {
      testMatch: ['<rootDir>/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/tests/.+/'],
    }),
    tier('walk', 60_000),
    tier('conformance', 60_000),
    tier('broker', 120_000, { tries: 2, ...onCluster }),
    tier('start', 300_000, { tries: 2, globalSetup: '<rootDir>/infra/jest/like-production.ts' }),
    tier('chaos', 600_000, { globalSetup: '<rootDir>/infra/jest/like-production.ts' }),
    tier('faults', 300_000, { tries: 2, ...onThreeBrokers }),
    // The same tier: the chapters of the walk once more, on a ground that fails. Two of them step tasks by hand.
    tier('faults', 120_000, {
      tries: 2,
      testMatch: ['<rootDir>/tests/walk/*.test.ts'],
      testPathIgnorePatterns: ['/04-', '/09-', '/90-', '/segments'],
      setupFilesAfterEnv: ['<rootDir>/infra/jest/patience.ts', '<rootDir>/tests/faults/harness/on-faulty-ground.ts'],
    }),
    tier('real', 600_000, onCluster),
  ],
};
