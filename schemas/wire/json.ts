import { isUtf8 } from 'node:buffer';

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A value, or why there is none; the reason names no value. */
export type Verdict<T> = { readonly kind: 'value'; readonly value: T } | { readonly kind: 'refused'; readonly reason: string };

/** Limits of what strangers may send. */
const maxDepth = 32;
const maxKeys = 1_000;

/** JSON from a stranger: UTF-8 only, depth at most 32, at most 1,000 keys in an object, no key that reaches a prototype, finite numbers. */
export function parseJson(bytes: Buffer): Verdict<Json> {
  const parsed = parse(bytes);
  return parsed.kind === 'refused' ? parsed : checkJson(parsed.value as Json);
}

/** JSON without limits, for what is our own. The reason holds nothing of the text. */
export function parse(bytes: Buffer): Verdict<unknown> {
  if (!isUtf8(bytes)) return refused('invalid UTF-8');
  try {
    return { kind: 'value', value: JSON.parse(bytes.toString('utf8')) };
  } catch (error) {
    const at = error instanceof SyntaxError ? / at position \d+/.exec(error.message)?.[0] : undefined;
    return refused(bytes.length === 0 ? 'empty' : `not JSON${at ?? ''}`);
  }
}

/** The limits of `parseJson` on a value made otherwise. */
export function checkJson(value: Json): Verdict<Json> {
  const reason = check(value, 1);
  return reason === undefined ? { kind: 'value', value } : refused(reason);
}

function check(value: Json, depth: number): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'a number out of range';
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > maxDepth) return `deeper than ${maxDepth}`;
  const entries = isArray(value) ? value : values(value);
  if (typeof entries === 'string') return entries;
  for (const entry of entries) {
    const reason = check(entry, depth + 1);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function values(object: { readonly [key: string]: Json }): readonly Json[] | string {
  const keys = Object.keys(object);
  if (keys.length > maxKeys) return `more than ${maxKeys} keys in an object`;
  if (keys.includes('__proto__')) return 'a key __proto__';
  const { constructor } = object as { readonly constructor?: unknown };
  if (
    keys.includes('constructor') &&
    typeof constructor === 'object' &&
    constructor !== null &&
    Object.hasOwn(constructor, 'prototype')
  ) {
    return 'a key constructor.prototype';
  }
  return keys.map((key) => object[key] as Json);
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function refused(reason: string): { kind: 'refused'; reason: string } {
  return { kind: 'refused', reason };
}
