/** Jest's globalSetup of the tier that starts clusters of its own: its NODE_ENV=test would change defaults of the Kafka client. */
export default function setup(): void {
  process.env['NODE_ENV'] = 'production';
}
