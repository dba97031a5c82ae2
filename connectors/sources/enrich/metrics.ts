import { Counter, Histogram, type Registry } from 'prom-client';

/** What became of a call. `busy`: 429; `failed`: 5xx, or not reached; `refused`: any other status; `unusable`: not JSON, or too large. */
export type CallOutcome = 'answered' | 'nothing' | 'busy' | 'failed' | 'late' | 'refused' | 'unusable';

/**
 * What became of a question. `cached`: known and fresh; `joined`: the same is being asked; `asked`: put to the other side, and of these
 * `over_budget`: left out, and `given_up`: no answer after all attempts; `put_off`: such a one is not asked again for a while;
 * `unusable`: nothing that could be asked about.
 */
export type QuestionResult = 'asked' | 'cached' | 'joined' | 'over_budget' | 'given_up' | 'put_off' | 'unusable';

export interface EnrichMetrics {
  called(source: string, outcome: CallOutcome, seconds: number): void;
  question(source: string, result: QuestionResult): void;
}

/** Registers the metrics of enrichments, once for each registry. */
export function enrichMetrics(registry: Registry): EnrichMetrics {
  const registers = [registry];
  const calls = new Counter({
    name: 'freshet_enrich_calls_total',
    help: 'Calls to third parties, by what became of them',
    labelNames: ['source', 'outcome'],
    registers,
  });
  const seconds = new Histogram({
    name: 'freshet_enrich_call_seconds',
    help: 'How long calls to third parties took',
    labelNames: ['source'],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30],
    registers,
  });
  const questions = new Counter({
    name: 'freshet_enrich_questions_total',
    help: 'Questions that events caused, by what became of them',
    labelNames: ['source', 'result'],
    registers,
  });
  return {
    called: (source, outcome, took) => {
      calls.inc({ source, outcome });
      seconds.observe({ source }, took);
    },
    question: (source, result) => questions.inc({ source, result }),
  };
}
