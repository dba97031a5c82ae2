import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BrokerFolder } from './data-folder.ts';
import type { Tools } from './tools.ts';

export interface BrokerAddress {
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
}

const logging = join(import.meta.dirname, 'log4j2.properties');

/** Writes the broker's server.properties. Ports may differ from start to start, all else is for good. */
export function writeProperties(folder: BrokerFolder, own: BrokerAddress, all: readonly BrokerAddress[]): void {
  const replicas = Math.min(all.length, 3);
  const inSync = Math.max(1, replicas - 1);
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': own.id,
    'controller.quorum.voters': all.map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${own.port},CONTROLLER://127.0.0.1:${own.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${own.port}`,
    'log.dirs': folder.logDir,
    'auto.create.topics.enable': false,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 8,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 8,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'group.initial.rebalance.delay.ms': 0,
    // Every topic of ours states its own retention; the registry's log does not, and must never lose its head.
    'log.retention.ms': -1,
    'log.cleaner.dedupe.buffer.size': 33_554_432,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'broker.heartbeat.interval.ms': 1000,
    'broker.session.timeout.ms': 6000,
  };
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${String(value)}\n`);
  writeFileSync(folder.propertiesFile, lines.join(''));
}

/** Formats the broker's folder for the cluster, from the properties written before. */
export async function formatBroker(tools: Tools, folder: BrokerFolder, clusterId: string): Promise<void> {
  const quick = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', `-Dlog4j2.configurationFile=${logging}`];
  const tool = ['kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', folder.propertiesFile];
  await promisify(execFile)(tools.java, [...quick, '-cp', tools.kafkaClassPath, ...tool]);
}

/** The arguments of `java` that run the broker; `options` go to the JVM. */
export function brokerArguments(tools: Tools, folder: BrokerFolder, options: readonly string[]): string[] {
  const heap = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError'];
  const settings = [`-Dlog4j2.configurationFile=${logging}`, '-Djava.awt.headless=true'];
  return [...heap, ...settings, ...options, '-cp', tools.kafkaClassPath, 'kafka.Kafka', folder.propertiesFile];
}
