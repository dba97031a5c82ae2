import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineValues } from './engine.ts';
import type { PipelineValues } from './pipeline.ts';
import { chainRatios, engineRatios, type Ratio } from './report/ratios.ts';
import { kept } from './support/results.ts';

// Measures again, shorter, and fails when a ratio is worse than the committed one by more than the noise of this very run.

/** Less than this share is never told from noise. */
const LEAST_NOISE = 0.1;

const folder = mkdtempSync(join(tmpdir(), 'freshet-bench-check-'));
try {
  measure('engine.ts', ['--events', '600000', '--runs', '3', '--only', 'streams,ours', '--cores', '1,2', '--out', folder]);
  measure('pipeline.ts', ['--segments', '', '--rates', '500', '--turns', '3', '--seconds', '10', '--out', folder]);
  const before = ratiosIn(undefined);
  const worse = ratiosIn(folder).filter((ratio) => isWorse(ratio, before));
  process.exitCode = worse.length === 0 && before.length > 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function measure(file: string, args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, [...process.execArgv, join(import.meta.dirname, file), ...args], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`${file} ended with ${status}`);
}

function ratiosIn(from: string | undefined): Ratio[] {
  const engine = kept<EngineValues>('engine', from)?.values;
  const pipeline = kept<PipelineValues>('pipeline', from)?.values;
  return [...(engine ? engineRatios(engine) : []), ...(pipeline ? chainRatios(pipeline) : [])];
}

function isWorse(now: Ratio, all: readonly Ratio[]): boolean {
  const then = all.find(({ name }) => name === now.name);
  if (!then) {
    console.log(`${now.name}: ${now.value.toFixed(2)}, nothing to compare with`);
    return false;
  }
  const noise = Math.max(LEAST_NOISE, now.noise + then.noise);
  const worse = now.better === 'higher' ? now.value < then.value * (1 - noise) : now.value > then.value * (1 + noise);
  const told = `${now.value.toFixed(2)}, was ${then.value.toFixed(2)}, noise ${(noise * 100).toFixed(0)} %`;
  console.log(`${now.name}: ${told}: ${worse ? 'WORSE' : 'fine'}`);
  return worse;
}
