import type { HandoverOptions } from '../../runtime/handover.ts';
import type { Context, Processor } from '../../runtime/processor.ts';
import { type Headers, noHeaders } from '../../runtime/record.ts';
import type { SourceConfig } from '../../schemas/config.ts';
import type { FraudAlert, IdentifiedEvent, Resemblance } from '../../schemas/generated/types.ts';
import { hashId } from '../../schemas/keys.ts';
import { topics } from '../../schemas/topics.ts';
import { accountsToTell, type Alike, nobodyAlike, uniteAlike, withLinks, withLogin } from './alike.ts';
import { type AlikeRule, defaultFraud, type FraudConfig } from './config.ts';
import { factsOf, isTelling } from './facts.ts';
import { type Devices, nothingRecent, type Recent, uniteDevices, uniteRecent, withDevice, withFacts } from './memory.ts';
import { proofOf } from './proof.ts';
import { suspicions } from './suspicion.ts';

const RULE = 'new-device-then-address';
const ALIKE_RULE = 'accounts-alike';
const DEVICES = 'd';
const RECENT = 'r';
const ALIKE = 'w';

/** The processor, and how the state of a customer that ended joins that of another; for `withHandover`. */
export interface FraudDetector extends Processor, Pick<HandoverOptions, 'merge'> {}

/**
 * Raises an alert when a customer logs in from a device never seen of them and changes the address soon after: once per
 * log-in, as soon as both are there, by event time and not by order of arrival. Where the rules accept weak links, also when a customer
 * logs in who looks like enough others: once for each number of them. What is loaded as history alarms nobody. `sources` are those
 * whose events it reads: the proof says how fresh each was.
 */
export function detectFraud(config: Partial<FraudConfig> = {}, sources: readonly SourceConfig[] = []): FraudDetector {
  const rules: FraudConfig = { ...defaultFraud, ...config };
  const { alike } = rules;
  const processor: Processor = {
    name: 'detect-fraud',
    inputs: [topics.eventsIdentified, ...(alike ? [topics.identityResembles] : [])],
    outputs: [topics.fraudAlerts],
    upstream: ['stitch-identity'],
    // What is known of devices and log-ins is the same in any order.
    silenceIsFinal: true,
    parts: ({ topic, value }) => {
      if (topic === topics.identityResembles.name) return [ALIKE];
      return isTelling((value as IdentifiedEvent | null)?.event, rules)
        ? [DEVICES, RECENT, ...(alike ? [ALIKE] : [])]
        : [DEVICES];
    },
    process: ({ topic, key, value, headers }, context) => {
      if (alike && topic === topics.identityResembles.name)
        return compare(key, withLinks(alikeIn(context), value as Resemblance | null, alike), alike, headers, context);
      const event = (value as IdentifiedEvent | null)?.event;
      if (!event) return;
      const facts = factsOf(event, rules);
      const devices = context.state.get<Devices>(DEVICES) ?? {};
      const seen = facts.device === undefined ? devices : withDevice(devices, facts.device, event.occurredAt);
      if (seen !== devices) context.state.set(DEVICES, seen);
      if (alike && facts.login && event.mode !== 'backfill')
        compare(key, withLogin(alikeIn(context), facts.login), alike, headers, context);
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
      if (alike && parts[ALIKE] !== undefined)
        compare(key, uniteAlike(alikeIn(context), parts[ALIKE] as Alike), alike, noHeaders, context);
    },
  };

  function alikeIn({ state }: Context): Alike {
    return state.get<Alike>(ALIKE) ?? nobodyAlike;
  }

  function compare(customer: string, known: Alike, rule: AlikeRule, headers: Headers, context: Context): void {
    const count = accountsToTell(known, rule);
    if (known.login && count > 0) {
      const { login, others } = known;
      const alert: FraudAlert = {
        id: hashId('fraud', ALIKE_RULE, customer, ...others),
        customer,
        rule: ALIKE_RULE,
        reason: `${count} accounts look alike, each with this one by a probability of at least ${rule.confidence}: ${others.join(', ')}.`,
        effectiveAt: login.at,
        events: [login.id],
        proof: proofOf([login], sources, headers, context),
      };
      context.forward(topics.fraudAlerts, customer, alert, { rule: ALIKE_RULE });
      context.count('alerts', { rule: ALIKE_RULE });
    }
    context.state.set<Alike>(ALIKE, count > 0 ? { ...known, told: count } : known);
  }

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
        proof: proofOf([login, change], sources, headers, context),
      };
      context.forward(topics.fraudAlerts, customer, alert, { rule: RULE });
      context.count('alerts', { rule: RULE });
    }
    context.state.set<Recent>(RECENT, { ...recent, told: [...recent.told, ...found.map(({ login }) => login.id)] });
  }
}
