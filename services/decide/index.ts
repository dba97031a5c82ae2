import express, { Router } from 'express';
import { FreshetError } from '../../runtime/errors.ts';
import type { Proof } from '../../schemas/generated/types.ts';
import { notFound } from '../http.ts';

/** What is asked about a customer now. */
export interface Question {
  /** Id of the customer; else an identifier as he would give it. */
  readonly customer: string | undefined;
  readonly identifier: { readonly kind: string; readonly value: string } | undefined;
  readonly segments: readonly string[];
  readonly activation: string | undefined;
  /** Message id of an event that is to be counted in. */
  readonly after: string | undefined;
  readonly timeoutMs: number;
}

/** Whether a customer belongs to a segment. */
export interface Belonging {
  readonly segment: string;
  readonly member: boolean;
  /** Up to when it has been decided, or as of when the session says so; null: never yet. */
  readonly asOf: number | null;
  readonly ageMs: number | null;
  readonly proof: Proof;
}

export interface Answer {
  readonly customer: string;
  /** session: by all events known now, whether their time has passed or not. membership: as it was published last. */
  readonly from: 'session' | 'membership';
  /** Of the event asked for: seen, or not within the time given; null: none was asked for. */
  readonly event: 'seen' | 'not seen' | null;
  readonly waitedMs: number;
  readonly segments: readonly Belonging[];
  /** Whether the message would go now, and if not why. */
  readonly activation?: { readonly activation: string; readonly goes: boolean; readonly reason: string; readonly proof: Proof };
}

export interface DecideView {
  /** Undefined: nobody is known by that. NOT_LOCAL: another process holds the customer; the message says which part. */
  decide(question: Question): Promise<Answer | undefined>;
  /** Names that may be asked for. */
  readonly segments: ReadonlySet<string>;
  readonly activations: ReadonlySet<string>;
}

const MAX_TIMEOUT_MS = 10_000;
const DEFAULT_TIMEOUT_MS = 500;

/**
 * `POST /api/decide`: `{identifier: {kind, value} | customer, segments, activation, after, timeout_ms}`. With `after` it waits for
 * that event, no longer than `timeout_ms` (500, at most 10,000), and answers from the running session; without it from the
 * memberships as published. 400 names the field, 404: nobody is known by that, 503: asked where the customer is not.
 */
export function decideRouter(view: DecideView): Router {
  const router = Router();
  router.use(express.json({ limit: '16kb' }));
  router.post('/', async ({ body }, response) => {
    const question = read(body, view);
    if (typeof question === 'string') {
      response.status(400).json({ error: question });
      return;
    }
    try {
      const answer = await view.decide(question);
      if (answer === undefined) notFound(response);
      else response.json(answer);
    } catch (error) {
      if (!(error instanceof FreshetError && error.code === 'NOT_LOCAL')) throw error;
      response.status(503).set('Retry-After', '1').json({ error: error.message, code: error.code });
    }
  });
  return router;
}

/** The question, or what is wrong with it. */
function read(body: unknown, view: DecideView): Question | string {
  if (typeof body !== 'object' || body === null) return 'body: expected an object as application/json';
  const given = body as Readonly<Record<string, unknown>>;
  const { customer, identifier, segments = [], activation, after, timeout_ms: timeoutMs = DEFAULT_TIMEOUT_MS } = given;
  const isText = (value: unknown, most: number): value is string =>
    typeof value === 'string' && value !== '' && value.length <= most;
  if ((customer === undefined) === (identifier === undefined)) return 'customer: expected either this or identifier';
  if (customer !== undefined && !isText(customer, 64)) return 'customer: expected the id of a customer';
  const { kind, value } = (identifier ?? {}) as Readonly<Record<string, unknown>>;
  if (identifier !== undefined && !(isText(kind, 64) && isText(value, 320))) return 'identifier: expected {kind, value}';
  if (!Array.isArray(segments) || segments.length > 100 || !segments.every((each) => isText(each, 64)))
    return 'segments: expected a list of at most 100 names';
  const unknown = segments.find((name) => !view.segments.has(name));
  if (unknown !== undefined) return `segments: there is no segment ${unknown}`;
  if (activation !== undefined && !(isText(activation, 64) && view.activations.has(activation)))
    return 'activation: expected the name of one';
  if (segments.length === 0 && activation === undefined) return 'segments: expected at least one, or an activation';
  if (after !== undefined && !isText(after, 256)) return 'after: expected a message id';
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS))
    return `timeout_ms: expected 0 to ${MAX_TIMEOUT_MS}`;
  return {
    customer,
    identifier: isText(kind, 64) && isText(value, 320) ? { kind, value } : undefined,
    segments,
    activation,
    after,
    timeoutMs,
  };
}
