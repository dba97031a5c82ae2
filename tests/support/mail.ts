import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emailSink } from '../../connectors/sinks/email/index.ts';
import { compileTemplates } from '../../connectors/sinks/email/templates.ts';
import { ledgerTopic } from '../../connectors/sinks/ledger.ts';
import { type RunningSink, runSink } from '../../connectors/sinks/run-sink.ts';
import { type Mailbox, startMailbox } from '../../infra/mailbox/index.ts';
import { prefixedNames } from '../../runtime/environment.ts';
import { topics } from '../../schemas/topics.ts';
import type { Walk } from './walk.ts';

/** A mailbox in a folder of its own that goes with it. */
export async function openMailbox(): Promise<Mailbox & { stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'walk-mails-'));
  const mailbox = await startMailbox({ smtpPort: 0, folder });
  return {
    ...mailbox,
    stop: async () => {
      await mailbox.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** The e-mail sink of the walk's workspace, at work over its broker and by SMTP to the mailbox. */
export async function startMailing({ driver, workspace, serdes }: Walk, mailbox: Mailbox): Promise<RunningSink> {
  const kafka = driver.broker.client();
  const { partitions } = driver;
  const own = [ledgerTopic('email'), topics.activationsOutcomes];
  await kafka.admin.createTopics(own.map(({ name }) => ({ name, partitions, config: {} })));
  const sink = emailSink({
    server: { host: '127.0.0.1', port: mailbox.smtpPort },
    from: { name: 'A walk', address: 'walk@sender.example' },
    templates: await compileTemplates(workspace.templatesDir),
    baseUrl: 'https://console.example',
  });
  return await runSink({ kafka, sink, serdes, names: prefixedNames(''), partitions });
}

/** Resolves once so many mails have been received. */
export async function received(mailbox: Mailbox, count: number): Promise<void> {
  while (mailbox.list().length < count) await once(mailbox.events, 'mail');
}
