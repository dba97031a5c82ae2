import { Counter, Gauge, type Registry } from 'prom-client';
import type { Log } from '../../runtime/environment.ts';
import type { SourceFreshness } from '../../schemas/generated/types.ts';

const statuses = ['fresh', 'lagging', 'stale', 'silent', 'ended'];

/** Tells of the sources in metrics, and of every change of a status in the log: a warning where it became worse than lagging. */
export function sourceAlerts(registry: Registry, log: Log): (report: SourceFreshness) => void {
  const registers = [registry];
  const status = new Gauge({
    name: 'freshet_source_status',
    help: '1 for the status that a source has',
    labelNames: ['source', 'status'],
    registers,
  });
  const lag = new Gauge({
    name: 'freshet_source_lag_seconds',
    help: 'Wall clock minus the watermark of a source',
    labelNames: ['source'],
    registers,
  });
  const changes = new Counter({
    name: 'freshet_source_status_changes_total',
    help: 'Changes of the status of a source, by the new one',
    labelNames: ['source', 'status'],
    registers,
  });
  return (report) => {
    const { source, before, lagMs, link, expectedAt } = report;
    for (const each of statuses) status.set({ source, status: each }, each === report.status ? 1 : 0);
    if (lagMs !== null) lag.set({ source }, lagMs / 1000);
    if (before === null) return;
    changes.inc({ source, status: report.status });
    const isWorse = report.status === 'stale' || report.status === 'silent';
    const expected = expectedAt === null ? {} : { expected: new Date(expectedAt).toISOString() };
    const blamed = link === null ? {} : { link };
    log(isWorse ? 'warn' : 'info', `source is ${report.status}`, { source, before, ...expected, ...blamed });
  };
}
