import type { Tools } from './tools.ts';

/** The arguments of `java` that run the schema registry: a short life of its code, so only the quick compiler; `options` go to the JVM. */
export function registryArguments(tools: Tools, options: readonly string[]): string[] {
  return [
    '-Xmx256m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-XX:+ExitOnOutOfMemoryError',
    ...options,
    '-jar',
    tools.registryJar,
  ];
}

/** The environment that lets the registry keep its schemas in Kafka and serve them on this port of the machine itself only. */
export function registryEnvironment(brokers: readonly string[], port: number): Record<string, string> {
  return {
    APICURIO_STORAGE_KIND: 'kafkasql',
    APICURIO_KAFKASQL_BOOTSTRAP_SERVERS: brokers.join(','),
    // At start it looks that long for a snapshot; we let it take none, its log is short and kept for good.
    APICURIO_KAFKASQL_CONSUMER_POLL_TIMEOUT: '200',
    APICURIO_KAFKASQL_SNAPSHOT_EVERY_SECONDS: 'off',
    QUARKUS_HTTP_HOST: '127.0.0.1',
    QUARKUS_HTTP_PORT: String(port),
    QUARKUS_HTTP_ACCESS_LOG_ENABLED: 'false',
  };
}

/** Where the registry on this port answers Confluent's API. */
export function registryUrl(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`;
}
