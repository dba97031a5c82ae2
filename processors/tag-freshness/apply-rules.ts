import { FreshetError } from '../../runtime/errors.ts';
import { compileCel, compileCondition, type CelVariables } from '../../schemas/cel.ts';
import type { ConfigPath, SourceConfig, TransformRule } from '../../schemas/config.ts';
import { defaultValues, type ValueRules } from '../../schemas/identifier-rules.ts';
import { instantForm, instantParser } from '../../schemas/instant.ts';
import { isJsonObject, isSegmentType, maxIdentifierLength, segmentTypes } from '../../schemas/segment-message.ts';
import { eventNameOf } from '../../schemas/source-schema.ts';
import { normalise } from './identifiers.ts';
import { invalid, type Outcome } from './outcome.ts';

type Evaluate = (variables: CelVariables) => unknown;
type Parse = (value: unknown) => number | undefined;

interface Rule {
  readonly holds: (variables: CelVariables) => boolean;
  readonly apply: (variables: CelVariables) => Outcome;
}

/** Reads records by the rules of the source; the first that fits is used. */
export function ruleReader(
  source: SourceConfig,
  transform: readonly TransformRule[],
  values: ValueRules = defaultValues,
): (record: unknown) => Outcome {
  const parse = instantParser(source.timezone);
  const rules = transform.map((rule, index) => compileRule(rule, ['transform', index], source.timezone, parse, values));
  return (record) => {
    const variables = { record };
    const rule = rules.find(({ holds }) => holds(variables));
    if (rule === undefined) return { kind: 'refused', step: 'transform', reason: 'transform: no rule fits the record' };
    return rule.apply(variables);
  };
}

function compileRule(rule: TransformRule, path: ConfigPath, timezone: string, parse: Parse, values: ValueRules): Rule {
  const options = { variables: ['record'], timezone };
  const holds = rule.when === null ? () => true : compileCondition(rule.when, { ...options, path: [...path, 'when'] });
  const compile = (text: string, ...at: string[]): Evaluate => compileCel(text, { ...options, path: [...path, ...at] });
  const optional = (text: string | null, at: string): Evaluate => (text === null ? () => null : compile(text, at));
  const guarded =
    (build: (variables: CelVariables) => Outcome) =>
    (variables: CelVariables): Outcome => {
      try {
        return build(variables);
      } catch (error) {
        if (!(error instanceof FreshetError)) throw error;
        return { kind: 'refused', step: 'transform', reason: `transform: ${error.message}` };
      }
    };
  const { skip } = rule;
  if (skip !== null) {
    if (rule.endsBatch !== true) return { holds, apply: () => ({ kind: 'skipped', reason: skip }) };
    const end = optional(rule.asOf, 'as_of');
    const apply = guarded((variables): Outcome => {
      const ends = parse(end(variables));
      return ends === undefined ? invalid('as_of', instantForm) : { kind: 'skipped', reason: skip, ends };
    });
    return { holds, apply };
  }
  const object = (given: TransformRule['properties'], at: string): Evaluate => {
    if (given === null) return () => ({});
    if (typeof given === 'string') return compile(given, at);
    const fields = Object.entries(given).map(([name, text]) => [name, compile(text, at, name)] as const);
    return (variables) => Object.fromEntries(fields.map(([name, evaluate]) => [name, evaluate(variables)]));
  };
  const [type, event, messageId] = [
    optional(rule.type, 'type'),
    optional(rule.event, 'event'),
    optional(rule.messageId, 'message_id'),
  ];
  const [occurredAt, asOf] = [optional(rule.occurredAt, 'occurred_at'), optional(rule.asOf, 'as_of')];
  const [properties, traits] = [object(rule.properties, 'properties'), object(rule.traits, 'traits')];
  const identifiers = Object.entries(rule.identifiers).map(([kind, text]) => ({
    kind,
    evaluate: compile(text, 'identifiers', kind),
  }));

  const build = (variables: CelVariables): Outcome =>
    draftOf(
      {
        type: type(variables),
        event: event(variables),
        messageId: messageId(variables),
        occurredAt: occurredAt(variables),
        asOf: asOf(variables),
        identifiers: identifiers.map(({ kind, evaluate }) => ({ kind, value: evaluate(variables) })),
        properties: properties(variables),
        traits: traits(variables),
      },
      parse,
      values,
      rule.endsBatch === true,
    );
  return { holds, apply: guarded(build) };
}

interface Evaluated {
  readonly type: unknown;
  readonly event: unknown;
  readonly messageId: unknown;
  readonly occurredAt: unknown;
  readonly asOf: unknown;
  readonly identifiers: readonly { readonly kind: string; readonly value: unknown }[];
  readonly properties: unknown;
  readonly traits: unknown;
}

function draftOf(given: Evaluated, parse: Parse, values: ValueRules, endsBatch: boolean): Outcome {
  const { type, properties, traits } = given;
  if (!isSegmentType(type)) return invalid('type', `one of ${segmentTypes.join(', ')}`);
  const event = given.event ?? (type === 'track' ? null : eventNameOf(type));
  if (typeof event !== 'string' || event.trim() === '') return invalid('event', 'the name of the event, a text');
  const messageId = typeof given.messageId === 'number' ? String(given.messageId) : given.messageId;
  if (messageId !== null && (typeof messageId !== 'string' || messageId === '' || messageId.length > maxIdentifierLength))
    return invalid('message_id', `a text of up to ${maxIdentifierLength} characters`);
  const occurredAt = parse(given.occurredAt);
  if (given.occurredAt !== null && occurredAt === undefined) return invalid('occurred_at', instantForm);
  const asOf = parse(given.asOf);
  if ((given.asOf !== null || endsBatch) && asOf === undefined) return invalid('as_of', instantForm);
  if (!isJsonObject(properties)) return invalid('properties', 'an object');
  if (!isJsonObject(traits)) return invalid('traits', 'an object');
  const { identifiers, ignored } = normalise(given.identifiers, values);
  if (identifiers.length === 0 && given.identifiers.length > 0)
    return invalid('identifiers', `a usable value of ${given.identifiers.map(({ kind }) => kind).join(' or ')}`);
  return {
    kind: 'event',
    draft: {
      type,
      event,
      messageId,
      occurredAt: occurredAt ?? null,
      deviceAt: null,
      asOf: asOf ?? null,
      ...(endsBatch ? { endsBatch } : {}),
      identifiers,
      ignored,
      properties: withoutNulls(properties),
      traits: withoutNulls(traits),
      context: {},
    },
  };
}

function withoutNulls(object: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null && value !== undefined));
}
