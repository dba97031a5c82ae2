import type { Workspace } from '../workspace/load.ts';
import type { App } from './app.ts';
import { unfedSources } from './parts.ts';

/** What to open, how to come into a segment oneself, and, where nothing is shown, which sources are silent until somebody feeds them. */
export function welcome({ consoleUrl, gatewayUrl, mailbox }: App, workspace: Workspace, isShown: boolean): string {
  const lines = ['', `  ${workspace.name} runs.`, ''];
  if (consoleUrl) lines.push(`  live page   ${consoleUrl}/`, `  metrics     ${consoleUrl}/metrics`);
  if (consoleUrl && mailbox) lines.push(`  mailbox     ${consoleUrl}/mail`);
  if (gatewayUrl) lines.push(`  gateway     ${gatewayUrl}/v1 (Segment HTTP API)`);
  if (gatewayUrl && workspace.demo?.tryIt) {
    lines.push(
      '',
      '  Put yourself into a segment:',
      '',
      ...workspace.demo.tryIt
        .replaceAll('$GATEWAY', gatewayUrl)
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`),
    );
  }
  const silent = isShown ? [] : unfedSources(workspace.sources);
  if (silent.length > 0) lines.push('', '  Silent until somebody feeds them, and what goes by their clocks waits:', '');
  for (const { source, how } of silent) lines.push(`  ${source.padEnd(12)}${how}`);
  return [...lines, ''].join('\n');
}
