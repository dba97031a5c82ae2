import { describe, expect, it } from '@jest/globals';
import { localSettings, ownCluster } from './settings.ts';
import { javaMajor } from './tools.ts';

describe('the settings of the local cluster', () => {
  it('come from the environment where it has them', () => {
    expect(localSettings({ FRESHET_KAFKA_PORT: '19092', FRESHET_DATA_DIR: 'elsewhere' })).toEqual({
      dataDir: 'elsewhere',
      kafkaPort: 19092,
      registryPort: 8081,
    });
  });

  it.each(['http', '70000', '-1', '1.5'])('do not take %s for a port', (value) => {
    const settings = (): unknown => localSettings({ FRESHET_REGISTRY_PORT: value });
    expect(settings).toThrow(`FRESHET_REGISTRY_PORT is ${value}`);
  });
});

describe('a cluster of your own', () => {
  it('is named by two variables', () => {
    const env = { KAFKA_BROKERS: 'a:9092, b:9092', SCHEMA_REGISTRY_URL: 'http://c:8081' };
    expect(ownCluster(env)).toEqual({ brokers: ['a:9092', 'b:9092'], registryUrl: 'http://c:8081' });
    expect(ownCluster({})).toBeUndefined();
  });

  it('is refused when one of them is missing', () => {
    expect(() => ownCluster({ KAFKA_BROKERS: 'a:9092' })).toThrow('SCHEMA_REGISTRY_URL is not');
  });
});

describe('the version of Java', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_401"', 8],
    ['openjdk version "25" 2025-09-16', 25],
    ['no Java here', undefined],
  ])('is read from %s', (answer, major) => {
    expect(javaMajor(answer)).toBe(major);
  });
});
