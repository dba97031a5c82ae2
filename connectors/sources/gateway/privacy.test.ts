import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { brokersAway, listen } from './fixture.ts';

const canaries = [
  'canary@mail.example',
  '+4930canary',
  'Canary Kelley',
  'WKcanary',
  'canary-user',
  'canary-anonymous',
  'canary-device',
];
const [email, phone, name, wrongKey, userId, anonymousId, deviceId] = canaries;
const person = { userId, anonymousId, context: { device: { id: deviceId } }, traits: { email, phone, name } };

const lines: string[] = [];
let gw: Awaited<ReturnType<typeof listen>>;
beforeEach(async () => {
  lines.length = 0;
  gw = await listen({ log: (line) => void lines.push(JSON.stringify(line)) });
});
afterEach(() => gw.gateway.stop(0));

const send = async (): Promise<void> => {
  await gw.post('/v1/identify', person);
  await gw.post('/v1/identify', { ...person, timestamp: name });
  await gw.post('/v1/batch', {
    batch: [
      { ...person, type: name },
      { ...person, type: 'track', event: 7, [String(email)]: { ['__proto__x']: 1 } },
    ],
  });
  await gw.send('/v1/identify', `{"${email}":{"__proto__":1},"userId":"${userId}"}`);
  await gw.post('/v1/identify', { ...person, writeKey: wrongKey }, {});
  await gw.post(`/v1/${email}`, person);
  gw.producer.onSend = () => Promise.reject(brokersAway());
  await gw.post('/v1/identify', person);
};

describe('what a person sent', () => {
  it('is in no log line, no metric, no reason, no key and no header', async () => {
    await send();
    const metrics = await gw.gateway.registry.metrics();
    const reasons = gw.rejected.map(({ reason, headers }) => reason + JSON.stringify(Object.entries(headers).map(String)));
    const records = gw.producer.batches.flatMap(({ records }) => records);
    const outside = records.map(
      ({ key, headers }) =>
        `${String(key)} ${Object.entries(headers ?? {})
          .map(String)
          .join(' ')}`,
    );
    const said = [...lines, metrics, ...reasons, ...outside].join('\n');
    expect(lines.length * gw.rejected.length * records.length).toBeGreaterThan(0);
    expect(canaries.filter((canary) => said.includes(canary))).toEqual([]);
  });
});

describe('the metrics', () => {
  it('count requests by route and status, events by source and reason, bytes, times, and what is in hand', async () => {
    await send();
    const metrics = await gw.gateway.registry.metrics();
    const values = [
      'freshet_gateway_requests_total{route="identify",status="200"} 1',
      'freshet_gateway_requests_total{route="identify",status="503"} 1',
      'freshet_gateway_requests_total{route="other",status="404"} 1',
      'freshet_gateway_events_accepted_total{source="web"} 1',
      'freshet_gateway_events_rejected_total{source="web",reason="invalid_field"} 3',
      'freshet_gateway_events_rejected_total{source="web",reason="forbidden_key"} 1',
      'freshet_gateway_request_seconds_count{route="batch"} 1',
      'freshet_gateway_requests_in_flight 0',
      'freshet_gateway_bytes_in_flight 0',
    ];
    for (const value of values) expect(metrics).toContain(`${value}\n`);
    expect(metrics).toMatch(/freshet_gateway_received_bytes_total\{source="web",form="wire"\} \d+/);
  });
});
