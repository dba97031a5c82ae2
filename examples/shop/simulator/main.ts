import { parseArgs } from 'node:util';
import { writeHistory } from './history.ts';
import { runLive } from './live.ts';
import { troubleKinds, Troubles } from './troubles.ts';

const usage = `The example shop, as a process of its own. Everything it says is one JSON object a line on stdout.

  node examples/shop/simulator/main.ts --host http://localhost:8088 --seed 1 --rate 150
      lives until SIGTERM, and sends through the SDK of Segment to the gateway; a message {trouble: 'stock' | 'orders', is}
      over the channel of a parent process breaks the count of the stock or the line of the till, and mends it
  node examples/shop/simulator/main.ts --history FILE --seed 1 [--until 2026-01-31T12:00:00Z] [--days 60] [--events 50000]
      writes what the same customers did before, one call a line, for the source shop-history

  --customers N      customers whom the seed alone makes (800)
  --shop-key, --orders-key, --stock-key, --prices-key KEY
                     write keys; those of examples/shop/sources when left out
  --closed           only the till is there until a parent process says {open: true}
  --status-every N   seconds between two lines of status (5)`;

const options = {
  host: { type: 'string', default: 'http://localhost:8088' },
  seed: { type: 'string', default: '1' },
  rate: { type: 'string', default: '150' },
  customers: { type: 'string', default: '800' },
  history: { type: 'string' },
  until: { type: 'string' },
  days: { type: 'string', default: '60' },
  events: { type: 'string', default: '50000' },
  'shop-key': { type: 'string', default: 'dev-shop-key' },
  'orders-key': { type: 'string', default: 'dev-orders-key' },
  'stock-key': { type: 'string', default: 'dev-stock-key' },
  'prices-key': { type: 'string', default: 'dev-prices-key' },
  'status-every': { type: 'string', default: '5' },
  closed: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;
type Values = ReturnType<typeof parse>;
const parse = () => parseArgs({ options }).values;

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

function number(values: Values, name: 'seed' | 'rate' | 'customers' | 'days' | 'events' | 'status-every'): number {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0 || (value === 0 && name !== 'seed'))
    throw new Error(`--${name} expects a number above zero, found "${values[name]}"`);
  return value;
}

async function history(values: Values, path: string): Promise<void> {
  const until = values.until === undefined ? Date.now() : Date.parse(values.until);
  if (Number.isNaN(until)) throw new Error(`--until expects a time in ISO 8601, found "${values.until}"`);
  const [seed, customers, days, events] = [
    number(values, 'seed'),
    number(values, 'customers'),
    number(values, 'days'),
    number(values, 'events'),
  ];
  const written = await writeHistory(path, { seed, until, days, events, customers });
  say({ kind: 'history', file: path, until: new Date(until).toISOString(), ...written });
}

async function live(values: Values): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
  const troubles = new Troubles();
  const opened = Promise.withResolvers<void>();
  if (!values.closed) opened.resolve();
  process.on('message', (message: { readonly open?: unknown; readonly trouble?: unknown; readonly is?: unknown }) => {
    if (message.open === true) opened.resolve();
    const kind = troubleKinds.find((each) => each === message.trouble);
    if (kind !== undefined) troubles.set(kind, message.is === true);
  });
  // Without whoever started it, the shop is over.
  process.on('disconnect', () => stop.abort());
  process.stdout.on('error', () => stop.abort());
  const last = await runLive({
    host: values.host,
    seed: number(values, 'seed'),
    eventsPerSecond: number(values, 'rate'),
    customers: number(values, 'customers'),
    writeKeys: {
      shop: values['shop-key'],
      orders: values['orders-key'],
      stock: values['stock-key'],
      prices: values['prices-key'],
    },
    troubles,
    opened: opened.promise,
    statusEvery: number(values, 'status-every') * 1000,
    signal: stop.signal,
    onStatus: (status) => say({ kind: 'status', ...status }),
  });
  say({ kind: 'stopped', ...last });
}

try {
  const values = parse();
  if (values.help) process.stdout.write(`${usage}\n`);
  else if (values.history !== undefined) await history(values, values.history);
  else await live(values);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'unknown fault'}\n`);
  process.exit(1);
}
