import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Budget } from './budget.ts';

/** What the gateway counts. Labels hold names of sources, routes and reasons only. */
export interface GatewayMetrics {
  readonly requests: Counter<'route' | 'status'>;
  readonly seconds: Histogram<'route'>;
  readonly accepted: Counter<'source'>;
  readonly rejected: Counter<'source' | 'reason'>;
  readonly bytes: Counter<'source' | 'form'>;
  readonly inFlight: Gauge;
  readonly bytesInFlight: Gauge;
}

/** Registers the gateway's metrics, once for each registry. */
export function gatewayMetrics(registry: Registry, budget: Budget): GatewayMetrics {
  const registers = [registry];
  const bytesInFlight = {
    name: 'freshet_gateway_bytes_in_flight',
    help: 'Bytes held by requests that are not answered yet.',
    registers,
    collect(this: Gauge): void {
      this.set(budget.used);
    },
  };
  return {
    requests: new Counter({
      name: 'freshet_gateway_requests_total',
      help: 'Requests by route and status; 499: the sender hung up.',
      labelNames: ['route', 'status'],
      registers,
    }),
    seconds: new Histogram({
      name: 'freshet_gateway_request_seconds',
      help: 'From the arrival of a request to its answer.',
      labelNames: ['route'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    accepted: new Counter({
      name: 'freshet_gateway_events_accepted_total',
      help: 'Events acknowledged by Kafka.',
      labelNames: ['source'],
      registers,
    }),
    rejected: new Counter({
      name: 'freshet_gateway_events_rejected_total',
      help: 'Events that cannot be used, by reason.',
      labelNames: ['source', 'reason'],
      registers,
    }),
    bytes: new Counter({
      name: 'freshet_gateway_received_bytes_total',
      help: 'Bytes of bodies, on the wire and inflated.',
      labelNames: ['source', 'form'],
      registers,
    }),
    inFlight: new Gauge({ name: 'freshet_gateway_requests_in_flight', help: 'Requests that are not answered yet.', registers }),
    bytesInFlight: new Gauge(bytesInFlight),
  };
}
