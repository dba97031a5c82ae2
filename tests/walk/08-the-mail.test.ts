/**
 * 8. The mail.
 *
 * A sink is a task like the others, with one difference: what it does cannot be taken back. So it writes `attempting` to
 * `activations.outcomes` before it hands the mail over, and what became of it afterwards; after a crash between the two it
 * knows that it does not know, and follows what the channel declares for that. The Message-ID is made of the request's id,
 * the same for every attempt, so that mail systems can tell a repetition.
 *
 * The text is the workspace's own, filled with what is known of the customer and a link that answers "why did I get this?".
 * Here it goes all the way: from an order, through every hop, by a real SMTP exchange, into a mailbox.
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunningSink } from '../../connectors/sinks/run-sink.ts';
import { topics } from '../../schemas/topics.ts';
import { openMailbox, received, startMailing } from '../support/mail.ts';
import { identify, track, type Walk, walks } from '../support/walk.ts';

const openWalk = walks();
let walk: Walk;
let mailbox: Awaited<ReturnType<typeof openMailbox>>;
let sink: RunningSink;
beforeEach(async () => {
  walk = await openWalk();
  mailbox = await openMailbox();
  sink = await startMailing(walk, mailbox);
});
afterEach(async () => {
  await sink.stop();
  await mailbox.stop();
});

async function bigOrder(user: string, id: string): Promise<void> {
  walk.send(identify({ userId: user }, { email: `${user}@shop.example`, first_name: 'Zoë' }));
  await walk.settle();
  walk.send(track({ userId: user }, 'Order Completed', { order_id: id, total: 300, products: [] }));
  await walk.settle();
}

describe('a request', () => {
  it('becomes a mail in a mailbox, with the words of the template and a link to its because', async () => {
    await bigOrder('ada', 'o1');
    const [request] = walk.read(topics.activationsRequested);
    await received(mailbox, 1);
    const [mail] = mailbox.list();
    expect(mail).toMatchObject({ to: ['ada@shop.example'], messageId: `<${request?.id}@sender.example>` });
    expect(mail?.text).toContain('Zoë');
    expect(mail?.html).toContain(`https://console.example/why/${request?.id}`);
  });

  it('has its outcome recorded: attempting, then sent, with the whole way as proof', async () => {
    await bigOrder('ada', 'o1');
    await received(mailbox, 1);
    await sink.stop();
    const outcomes = walk.read(topics.activationsOutcomes);
    expect(outcomes.map(({ status, attempt }) => [status, attempt])).toEqual([
      ['attempting', 1],
      ['sent', 1],
    ]);
    const [, sent] = outcomes;
    expect(sent?.reference).toBe(mailbox.list()[0]?.messageId);
    expect(sent?.because).toMatch(/^Order Completed at .*: the customer entered big-basket; shop seen up to/);
    expect(sent?.proof.hops.map(({ hop }) => hop)).toEqual([
      'gateway',
      'tag-freshness',
      'stitch-identity',
      'customers',
      'email-sink',
    ]);
  });

  it('is not sent again by a sink that starts anew', async () => {
    await bigOrder('ada', 'o1');
    await received(mailbox, 1);
    await sink.stop();
    sink = await startMailing(walk, mailbox);
    await bigOrder('bob', 'o2');
    await received(mailbox, 2);
    expect(mailbox.list().map(({ to }) => to[0])).toEqual(['bob@shop.example', 'ada@shop.example']);
  });
});
