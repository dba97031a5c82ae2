import { compileTemplates } from '../connectors/sinks/email/templates.ts';
import { FreshetError } from '../runtime/errors.ts';
import { feasibility } from '../workspace/feasibility.ts';
import { formatDuration } from '../schemas/duration.ts';
import { loadWorkspace } from '../workspace/load.ts';
import { showProblem } from '../workspace/problems.ts';
import { runSegmentTests } from '../workspace/segment-tests.ts';
import { inWords, neededParts } from './parts.ts';

export interface WorkspaceChoice {
  readonly workspace: string;
  readonly profile?: string;
}

/** Loads the workspace and says what is in it, and what can hardly be met; CONFIG_INVALID lists every problem. */
export async function validate({ workspace, profile }: WorkspaceChoice): Promise<void> {
  const loaded = await loadWorkspace(workspace, process.env, profile === undefined ? {} : { profile });
  const { name, sources, segments, activations, templates, warnings } = loaded;
  await compileTemplates(loaded.templatesDir);
  for (const warning of warnings) process.stdout.write(`warning: ${showProblem(warning)}\n`);
  process.stdout.write(
    `${name}: ${sources.length} sources, ${segments.length} segments, ${activations.length} activations, ${templates.length} templates: all good\n`,
  );
  for (const part of neededParts(sources)) process.stdout.write(`to run it: ${inWords(part)}\n`);
}

/** Prints how old the facts of every rule are at best and at worst, as the sources are declared. */
export async function printFeasibility({ workspace, profile }: WorkspaceChoice): Promise<void> {
  const { segments, activations, sources } = await loadWorkspace(
    workspace,
    process.env,
    profile === undefined ? {} : { profile },
  );
  const rows = feasibility(segments, activations, sources).map(({ kind, rule, source, ages, maxAgeMs, verdict }) => [
    `${kind} ${rule}`,
    source,
    formatDuration(ages.bestMs),
    formatDuration(ages.worstMs),
    maxAgeMs === undefined ? '-' : formatDuration(maxAgeMs),
    verdict,
  ]);
  const table = [['rule', 'source', 'best age', 'worst age', 'max_age', 'met'], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of table)
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
}

/** Runs the tests of the segment files; throws when one fails. */
export async function testSegments({ workspace, profile }: WorkspaceChoice): Promise<void> {
  const loaded = await loadWorkspace(workspace, process.env, profile === undefined ? {} : { profile });
  const results = runSegmentTests(loaded);
  for (const { test, failures } of results) {
    const mark = failures.length === 0 ? '✓' : '✗';
    process.stdout.write(`${mark} ${test.segment.name}: ${test.name} (${test.file}:${test.line})\n`);
    for (const failure of failures) process.stdout.write(`    ${failure}\n`);
  }
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`);
  if (failed > 0) throw new FreshetError('CONFIG_INVALID', `${failed} of the segments' tests failed`);
}
