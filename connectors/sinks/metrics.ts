import { Histogram, type Registry } from 'prom-client';
import type { ActivationOutcome, ActivationRequest } from '../../schemas/generated/types.ts';

/** Hears of every message that was handed over, when that has been recorded. */
export type HandedOver = (request: ActivationRequest, outcome: ActivationOutcome) => void;

const buckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400];

/**
 * How long it took from what happened to the message, seconds, and each hop on its way. Registers its metrics, once for each
 * registry. Labels are names of the workspace, and of those `known` as hops: whoever writes to a raw topic may name others.
 */
export function delayMetrics(registry: Registry, known: readonly string[]): HandedOver {
  const registers = [registry];
  const names = new Set(known);
  const delay = new Histogram({
    name: 'freshet_activation_delay_seconds',
    help: 'From what happened until a message was requested, and until it was handed over',
    labelNames: ['activation', 'channel', 'until'],
    buckets,
    registers,
  });
  const hops = new Histogram({
    name: 'freshet_hop_seconds',
    help: 'How long each hop took on the way of messages that were handed over',
    labelNames: ['hop'],
    buckets,
    registers,
  });
  return ({ occurredAt, requestedAt }, { activation, channel, at, proof }) => {
    const since = (from: number, to: number): number => Math.max(0, to - from) / 1000;
    if (occurredAt !== null) {
      delay.observe({ activation, channel, until: 'requested' }, since(occurredAt, requestedAt));
      delay.observe({ activation, channel, until: 'handed_over' }, since(occurredAt, at));
    }
    for (const { hop, ms } of proof.hops)
      hops.observe({ hop: names.has(hop) || hop === `${channel}-sink` ? hop : 'other' }, ms / 1000);
  };
}
