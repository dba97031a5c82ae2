import { removeAbandoned } from './abandoned.ts';

/** Jest's globalSetup of the tiers that start clusters of their own: jest's NODE_ENV=test would change defaults of the Kafka client. */
export default async function setup(): Promise<void> {
  process.env['NODE_ENV'] = 'production';
  await removeAbandoned();
}
