import type { Pipeline } from './pipeline.ts';

/** Resolves when every task of a processor has adopted the end of a source, or `signal` aborts. */
export function untilAdopted(
  pipeline: Pick<Pipeline, 'progress' | 'partitions'>,
  processor: string,
  source: string,
  signal: AbortSignal,
): Promise<void> {
  return untilProgress(pipeline, () => pipeline.progress.minimum(processor, pipeline.partitions, source).ended, signal);
}

/** Resolves when no task of a processor holds a source to have ended any more, or `signal` aborts. */
export function untilReopened(
  pipeline: Pick<Pipeline, 'progress' | 'partitions'>,
  processor: string,
  source: string,
  signal: AbortSignal,
): Promise<void> {
  const tasks = Array.from({ length: pipeline.partitions }, (_, task) => String(task));
  const goesOn = (task: string): boolean => pipeline.progress.get(processor, task, source)?.ended !== true;
  return untilProgress(pipeline, () => tasks.every(goesOn), signal);
}

/** Resolves when every task of a processor has come to an event time of a source, or `signal` aborts. */
export function untilReached(
  pipeline: Pick<Pipeline, 'progress' | 'partitions'>,
  processor: string,
  source: string,
  eventTime: number,
  signal: AbortSignal,
): Promise<void> {
  return untilProgress(pipeline, () => pipeline.progress.minimum(processor, pipeline.partitions, source).at >= eventTime, signal);
}

function untilProgress({ progress }: Pick<Pipeline, 'progress'>, holds: () => boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!signal.aborted && !holds()) return;
      stop();
      signal.removeEventListener('abort', check);
      resolve();
    };
    const stop = progress.onChange(check);
    signal.addEventListener('abort', check);
    check();
  });
}
