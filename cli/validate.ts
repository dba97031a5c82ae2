import { compileTemplates } from '../connectors/sinks/email/templates.ts';
import { FreshetError } from '../runtime/errors.ts';
import { loadWorkspace } from '../workspace/load.ts';
import { runSegmentTests } from '../workspace/segment-tests.ts';

export interface WorkspaceChoice {
  readonly workspace: string;
  readonly profile?: string;
}

/** Loads the workspace and says what is in it; CONFIG_INVALID lists every problem. */
export async function validate({ workspace, profile }: WorkspaceChoice): Promise<void> {
  const loaded = await loadWorkspace(workspace, process.env, profile === undefined ? {} : { profile });
  const { name, sources, segments, activations, templates } = loaded;
  await compileTemplates(loaded.templatesDir);
  process.stdout.write(
    `${name}: ${sources.length} sources, ${segments.length} segments, ${activations.length} activations, ${templates.length} templates: all good\n`,
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
