import { Counter, type Registry } from 'prom-client';

export interface PollMetrics {
  asked(source: string, result: 'new' | 'unchanged' | 'failed'): void;
  items(source: string, count: number): void;
}

/** Registers the metrics of polls, once for each registry. */
export function pollMetrics(registry: Registry): PollMetrics {
  const registers = [registry];
  const asked = new Counter({
    name: 'freshet_poll_requests_total',
    help: 'Questions to polled sources, by what came of them',
    labelNames: ['source', 'result'],
    registers,
  });
  const items = new Counter({
    name: 'freshet_poll_items_total',
    help: 'Records found by asking for polled sources',
    labelNames: ['source'],
    registers,
  });
  return {
    asked: (source, result) => asked.inc({ source, result }),
    items: (source, count) => items.inc({ source }, count),
  };
}
