import { describe, expect, it } from '@jest/globals';
import { readSettings, redacted } from './settings.ts';

const own = { KAFKA_BROKERS: 'a:9092', SCHEMA_REGISTRY_URL: 'http://registry' };

describe('settings', () => {
  it('read how to log in at brokers and registry, and show no secret', () => {
    const settings = readSettings({
      ...own,
      KAFKA_SSL: 'true',
      KAFKA_SSL_CA: 'ca.pem',
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: 'ada',
      KAFKA_SASL_PASSWORD: 'secret one',
      SCHEMA_REGISTRY_USERNAME: 'bob',
      SCHEMA_REGISTRY_PASSWORD: 'secret two',
      FRESHET_HEALTH_PORT: '8086',
      FRESHET_STOP_SECONDS: '5',
    });
    expect(settings).toMatchObject({
      ssl: true,
      sslFiles: { ca: 'ca.pem' },
      sasl: { mechanism: 'scram-sha-512', username: 'ada', password: 'secret one' },
      registryAuth: { username: 'bob', password: 'secret two' },
      ports: { health: 8086 },
      stopMs: 5000,
    });
    expect(JSON.stringify(redacted(settings))).not.toContain('secret');
  });

  it.each([
    [{ SCHEMA_REGISTRY_USERNAME: 'bob' }, 'SCHEMA_REGISTRY_PASSWORD'],
    [{ KAFKA_SSL: 'true', KAFKA_SSL_CERT: 'cert.pem' }, 'KAFKA_SSL_KEY'],
    [{ KAFKA_SSL_CA: 'ca.pem' }, 'KAFKA_SSL must be true'],
    [{ KAFKA_SASL_MECHANISM: 'gssapi' }, 'scram-sha-256'],
    [{ FRESHET_STOP_SECONDS: '0' }, 'from 1 to 3600'],
  ])('refuse halves of what belongs together, and what is unknown: %o', (env, named) => {
    expect(() => readSettings({ ...own, ...env })).toThrow(named);
  });
});
