import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * What became of a file. `repeated`: the same under the same name had been read before; `failed`: nothing of it can be used;
 * `lost`: it was taken away or changed while it was being read.
 */
export type FileOutcome = 'done' | 'repeated' | 'failed' | 'lost';

export interface IntakeMetrics {
  file(source: string, outcome: FileOutcome): void;
  rows(source: string, outcome: 'taken' | 'rejected', count: number): void;
  /** Files that wait, and how much of the one under way has been read, 0 to 1. */
  waiting(source: string, files: number): void;
  read(source: string, ratio: number): void;
}

/** Registers the metrics of files, once for each registry. */
export function intakeMetrics(registry: Registry): IntakeMetrics {
  const registers = [registry];
  const files = new Counter({
    name: 'freshet_files_total',
    help: 'Files of folders, by what became of them',
    labelNames: ['source', 'outcome'],
    registers,
  });
  const rows = new Counter({
    name: 'freshet_file_rows_total',
    help: 'Rows of files, by what became of them',
    labelNames: ['source', 'outcome'],
    registers,
  });
  const waiting = new Gauge({
    name: 'freshet_files_waiting',
    help: 'Files in the folder that are to be read',
    labelNames: ['source'],
    registers,
  });
  const read = new Gauge({
    name: 'freshet_file_read_ratio',
    help: 'How much of the last file has been read',
    labelNames: ['source'],
    registers,
  });
  return {
    file: (source, outcome) => files.inc({ source, outcome }),
    rows: (source, outcome, count) => rows.inc({ source, outcome }, count),
    waiting: (source, count) => waiting.set({ source }, count),
    read: (source, ratio) => read.set({ source }, ratio),
  };
}
