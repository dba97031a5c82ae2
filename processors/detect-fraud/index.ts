import type { HandoverOptions } from '../../runtime/handover.ts';
import type { Context, Processor } from '../../runtime/processor.ts';
import { type Headers, noHeaders } from '../../runtime/record.ts';
import type { FraudAlert, IdentifiedEvent } from '../../schemas/generated/types.ts';
import { hashId } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { defaultFraud, type FraudConfig } from './config.ts';
import { factsOf, isTelling } from './facts.ts';
import { type Devices, nothingRecent, type Recent, uniteDevices, uniteRecent, withDevice, withFacts } from './memory.ts';
import { proofOf } from './proof.ts';
import { suspicions } from './suspicion.ts';

const RULE = 'new-device-then-address';
const DEVICES = 'd';
const RECENT = 'r';

/** The processor, and how the state of a customer that ended joins that of another; for `withHandover`. */
export interface FraudDetector extends Processor, Pick<HandoverOptions, 'merge'> {}

/**
 * Raises an alert when a customer logs in from a device never seen of them and changes the address soon after: once per
 * log-in, as soon as both are there, by event time and not by order of arrival. What is loaded as history alarms nobody.
 */
export function detectFraud(config: Partial<FraudConfig> = {}): FraudDetector {
  const rules: FraudConfig = { ...defaultFraud, ...config };
  const processor: Processor = {
    name: 'detect-fraud',
    inputs: [topics.eventsIdentified],
    outputs: [topics.fraudAlerts],
    upstream: ['stitch-identity'],
    // What is known of devices and log-ins is the same in any order.
    silenceIsFinal: true,
    parts: ({ value }) => (isTelling((value as IdentifiedEvent | null)?.event, rules) ? [DEVICES, RECENT] : [DEVICES]),
    process: ({ key, value, headers }, context) => {
      const event = (value as IdentifiedEvent | null)?.event;
      if (!event) return;
      const facts = factsOf(event, rules);
      const devices = context.state.get<Devices>(DEVICES) ?? {};
      const seen = facts.device === undefined ? devices : withDevice(devices, facts.device, event.occurredAt);
      if (seen !== devices) context.state.set(DEVICES, seen);
      if (facts.login === undefined && facts.address === undefined) return;
      alarm(key, seen, withFacts(context.state.get<Recent>(RECENT) ?? nothingRecent, facts, rules), headers, context);
    },
  };
  return {
    ...processor,
    merge: (key, _loser, parts, context) => {
      const devices = uniteDevices(context.state.get<Devices>(DEVICES) ?? {}, (parts[DEVICES] as Devices | undefined) ?? {});
      context.state.set(DEVICES, devices);
      const [ours, theirs] = [context.state.get<Recent>(RECENT), parts[RECENT] as Recent | undefined];
      if (ours ?? theirs)
        alarm(key, devices, uniteRecent(ours ?? nothingRecent, theirs ?? nothingRecent, rules), noHeaders, context);
    },
  };

  function alarm(customer: string, devices: Devices, recent: Recent, headers: Headers, context: Context): void {
    const found = suspicions(devices, recent, rules);
    for (const { login, change } of found) {
      const minutes = Math.round((change.at - login.at) / 60_000);
      const alert: FraudAlert = {
        id: hashId('fraud', RULE, login.id),
        customer,
        rule: RULE,
        reason: `The address was changed ${minutes} min after a log-in from a device never seen before.`,
        effectiveAt: change.at,
        events: [login.id, change.id],
        proof: proofOf([login, change], headers, context),
      };
      context.forward(topics.fraudAlerts, customer, alert, { rule: RULE });
      context.count('alerts', { rule: RULE });
    }
    context.state.set<Recent>(RECENT, { ...recent, told: [...recent.told, ...found.map(({ login }) => login.id)] });
  }
}
