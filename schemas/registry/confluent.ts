import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { FreshetError } from '../../runtime/errors.ts';
import { differences, incompatible } from './compatibility.ts';
import type { RegisteredSchema, Registry } from './registry.ts';

export interface RegistryOptions {
  /** Base of the Confluent-compatible API, e.g. `http://localhost:8081` or, for Apicurio, `http://localhost:8080/apis/ccompat/v7`. */
  readonly url: string;
  readonly auth?: { readonly username: string; readonly password: string };
  /** Of one request; default 10,000. */
  readonly timeoutMs?: number;
}

/** The levels under which a new schema reads what the last one wrote. */
const backward = ['BACKWARD', 'BACKWARD_TRANSITIVE', 'FULL', 'FULL_TRANSITIVE'] as const;

/** A schema registry with Confluent's API: Confluent's own, Apicurio, Redpanda, Karapace. Connects with each request. */
export function connectRegistry({ url, auth, timeoutMs = 10_000 }: RegistryOptions): Registry {
  const host = url.replace(/\/+$/, '');
  const client = new SchemaRegistry({
    host,
    retry: { retries: 0 },
    middlewares: [() => ({ prepareRequest: (next) => next().then((request) => request.enhance({ timeout: timeoutMs })) })],
    ...(auth === undefined ? {} : { auth: { ...auth } }),
  });

  /** The answer as JSON; undefined when the registry (not some proxy before it) says that there is no such thing. */
  async function request(method: 'GET' | 'PUT', path: string, body?: unknown): Promise<Answer | undefined> {
    const headers: Record<string, string> = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
    if (auth !== undefined)
      headers['authorization'] = `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(host + path, {
      method,
      headers,
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json().catch(() => undefined);
    if (typeof answer !== 'object' || answer === null) throw new Error(`${method} ${path}: status ${response.status}, no JSON`);
    if (response.ok) return answer;
    if (response.status === 404 && 'error_code' in answer) return undefined;
    throw Object.assign(new Error(`${method} ${path}: status ${response.status}`), { status: response.status });
  }

  /** The subject's own level. Where it is NONE, as a first registration that was cut off leaves it, BACKWARD is set. */
  async function levelOf(subject: string): Promise<COMPATIBILITY> {
    const path = `/config/${encodeURIComponent(subject)}`;
    const level = (await request('GET', path))?.compatibilityLevel;
    const held = backward.find((known) => known === level);
    if (held !== undefined) return COMPATIBILITY[held];
    if (level !== undefined && level !== 'NONE') {
      throw new FreshetError(
        'TOPIC_MISMATCH',
        `${subject}: its compatibility in the registry is ${level}; set it to BACKWARD or FULL`,
      );
    }
    if (level === 'NONE') await request('PUT', path, { compatibility: 'BACKWARD' });
    return COMPATIBILITY.BACKWARD;
  }

  return {
    async register(subject, schema) {
      try {
        const compatibility = await levelOf(subject);
        const { id } = await client.register({ type: SchemaType.AVRO, schema }, { subject, compatibility });
        return id;
      } catch (error) {
        if (error instanceof FreshetError) throw error;
        if (statusOf(error) !== 409 && statusOf(error) !== 422) throw unavailable(host, error);
        const last = await request('GET', `/subjects/${encodeURIComponent(subject)}/versions/latest`).catch(() => undefined);
        const found = last?.schema === undefined ? [] : differences(schema, last.schema);
        throw incompatible(subject, found.length > 0 ? found : [messageOf(error)], error);
      }
    },

    async schema(id) {
      try {
        const found = await request('GET', `/schemas/ids/${id}`);
        if (found?.schema === undefined) return undefined;
        const kind = kindOf(found.schemaType);
        if (kind === 'other') return { kind, schema: '' };
        if ((found.references ?? []).length === 0) return { kind, schema: found.schema };
        if (kind === 'json') return { kind, schema: '' };
        return { kind, schema: JSON.stringify(await client.getSchema(id)) };
      } catch (error) {
        throw unavailable(host, error);
      }
    },
  };
}

interface Answer {
  readonly compatibilityLevel?: string;
  readonly schema?: string;
  readonly schemaType?: string;
  readonly references?: readonly unknown[];
}

function kindOf(schemaType: string | undefined): RegisteredSchema['kind'] {
  if (schemaType === undefined || schemaType === 'AVRO') return 'avro';
  return schemaType === 'JSON' ? 'json' : 'other';
}

function statusOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Only a refused log-in is not worth another try. */
function unavailable(host: string, error: unknown): FreshetError {
  const status = statusOf(error);
  const message = `schema registry ${new URL(host).origin}: ${messageOf(error)}`;
  return new FreshetError('REGISTRY_UNAVAILABLE', message, { cause: error, retryable: status !== 401 && status !== 403 });
}
