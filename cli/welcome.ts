import type { Workspace } from '../workspace/load.ts';
import type { App } from './app.ts';

/** What to open, and how to come into a segment oneself. */
export function welcome({ consoleUrl, gatewayUrl, mailbox }: App, workspace: Workspace): string {
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
  return [...lines, ''].join('\n');
}
