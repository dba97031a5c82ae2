import type { Liveness } from '../runtime/watermarks/contract.ts';

/** A JSON Schema (draft 2020-12) as plain data; every property has a description, for editors and the docs. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export type ConfigPath = readonly (string | number)[];

/** Thrown by a component that compiles its part of a workspace file; the loader adds file and line. */
export class ConfigProblem extends Error {
  readonly path: ConfigPath;
  constructor(path: ConfigPath, message: string) {
    super(message);
    this.name = 'ConfigProblem';
    this.path = path;
  }
}

/** How often a source says something new. */
export type Cadence =
  | { readonly kind: 'realtime' }
  | { readonly kind: 'every'; readonly intervalMs: number }
  | Nightly
  | { readonly kind: 'on-change' };

/** Once a day at a time of the local clock; epoch milliseconds. */
export interface Nightly {
  readonly kind: 'nightly';
  /** As declared, `HH:mm`. */
  readonly at: string;
  readonly timezone: string;
  /** The last such moment, `now` included. */
  readonly last: (now: number) => number;
  /** The first such moment after `now`. */
  readonly next: (now: number) => number;
}

/** A link of the chain before a source: its facts are never fresher. */
export interface FedBy {
  /** Of another source, or a word for what is not connected. */
  readonly name: string;
  readonly cadence: Cadence;
}

/** How its events stand to the present. `backfill` and `replay` send no messages. */
export type SourceMode = 'live' | 'backfill' | 'replay';

/** Where a source's raw records come from. */
export type SourceInput =
  /** The HTTP gateway; keys as SHA-256 of the write key, hex. */
  | { readonly kind: 'endpoint'; readonly writeKeyHashes: readonly string[] }
  /** A raw topic of its own, fed by any producer. */
  | { readonly kind: 'topic' }
  /** Files read by `freshet replay`, written to the source's raw topic. */
  | { readonly kind: 'file'; readonly file: FileFormat }
  /** Asked for by HTTP by the connector `polls`, written to the source's raw topic. */
  | { readonly kind: 'poll'; readonly poll: PollConfig }
  /** Files put into a folder, read by the connector `files`, written to the source's raw topic. */
  | { readonly kind: 'files'; readonly files: FilesConfig }
  /** Calls of others, taken in by the gateway and written to the source's raw topic. */
  | { readonly kind: 'webhook'; readonly webhook: WebhookConfig }
  /** What third parties answer when the connector `enrichments` asks them because of an event, written to the source's raw topic. */
  | { readonly kind: 'enrich'; readonly enrich: EnrichConfig };

/** What is asked for by HTTP, and how often. Headers hold secrets: they are never shown. */
export interface PollConfig {
  /** `{cursor}` stands for the cursor. */
  readonly url: string;
  readonly everyMs: number;
  /** CEL over `body`: the list of records; null: the body. */
  readonly items: string | null;
  /** `next` and `more` are CEL over `body`. */
  readonly cursor: { readonly next: string; readonly first: string; readonly more: string | null } | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** What third parties are asked because of which events. Headers hold secrets: they are never shown. Durations in milliseconds. */
export interface EnrichConfig {
  /** Names of the events that cause a question. */
  readonly events: readonly string[];
  /** CEL over `event`: what is asked about; null or empty: nothing. */
  readonly key: string;
  /** `{key}` stands for what is asked about. */
  readonly url: string;
  /** An answer is kept so long, and meanwhile the same is not asked again. */
  readonly freshForMs: number;
  readonly budget: { readonly calls: number; readonly perMs: number };
  /** Calls under way at the same time. */
  readonly atOnce: number;
  /** Calls for one question, at most. */
  readonly attempts: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Answers are told of the customers whose events caused the question; otherwise of things. */
  readonly ofCustomers: boolean;
}

/** How calls of others are signed, by HMAC-SHA-256 over the body as it came. */
export interface WebhookConfig {
  /** Never shown. */
  readonly secrets: readonly string[];
  /** Names of headers are in lower case. */
  readonly header: string;
  readonly encoding: 'hex' | 'base64';
  readonly prefix: string;
  /** Where the signed time of sending stands, epoch seconds: in a header, or in that of the signature after this prefix. */
  readonly timestamp: { readonly header: string } | { readonly inSignature: string } | null;
  readonly idHeader: string | null;
  readonly withinMs: number;
}

/** Files that are put into a folder. */
export interface FilesConfig {
  /** As declared: relative to the workspace. */
  readonly folder: string;
  /** null: by the end of the name. */
  readonly format: 'csv' | 'ndjson' | null;
  readonly delimiter: string;
  /** Names that are taken, with * and ?; null: those whose format is known. */
  readonly pattern: string | null;
  /** All columns of a csv file, in any order; null: whatever it has. */
  readonly columns: readonly string[] | null;
  /** CEL over `record` and `file`; null only where a rule says where a batch ends. */
  readonly asOf: string | null;
  /** The end of a file ends its batch; otherwise a rule does. */
  readonly endsBatch: boolean;
  readonly settleMs: number;
}

export interface FileFormat {
  readonly format: 'csv' | 'ndjson';
  readonly delimiter: string;
  /** Consecutive rows (within one file) with the same value in this column become one record `{key, rows}`. */
  readonly groupBy: string | null;
  /** Rows repeated exactly within a group are dropped and counted. */
  readonly dropDuplicateRows: boolean;
  /** CEL over `record`: event time of the record, for the stated clock and the pace of the replay. */
  readonly time: string;
}

/** A compiled source: what `sources/*.yaml` declares, in the code's terms. Durations in milliseconds. */
export interface SourceConfig {
  readonly name: string;
  readonly description: string;
  readonly owner: string;
  readonly input: SourceInput;
  readonly mode: SourceMode;
  readonly cadence: Cadence;
  readonly liveness: Liveness;
  readonly latenessMs: number;
  /** Names of the events it may carry, or null: any. A rule's clock is made of the sources that may carry its events. */
  readonly events: readonly string[] | null;
  /** What each raw record must be before anything is made of it; undefined: it is not checked. */
  readonly schema?: JsonSchema;
  /** How a raw record becomes an event; null: it is a call of the Segment spec. */
  readonly transform: readonly TransformRule[] | null;
  /** Time zone of local times in its records, IANA name. */
  readonly timezone: string;
  /** How long its raw records are kept, milliseconds; the default of raw topics when left out. */
  readonly keepMs?: number;
  /** What feeds it, where that is declared. */
  readonly fedBy?: readonly FedBy[];
  /** Where what it says is kept as a reference table. */
  readonly table?: TableConfig;
}

/** What a source says of things, kept by their keys for everybody to look up. */
export interface TableConfig {
  /** As expressions call it. */
  readonly name: string;
  /** Property that holds the key, or a path to it. */
  readonly key: string;
  /** Properties that are kept. */
  readonly values: readonly string[];
  /** A row of which nothing was told for so long is dropped; null: never. Milliseconds. */
  readonly forgetAfterMs: number | null;
  /** Whom its changes concern; undefined: they are told to nobody. */
  readonly interest?: TableInterest;
  /** Events that are made of its changes, for those who are interested. */
  readonly changes: readonly TableChange[];
}

/** Who is interested in a row: whoever did one of these with its key. */
export interface TableInterest {
  readonly events: readonly string[];
  /** Property of these events that holds the key of the row, or a path to it. */
  readonly key: string;
  /** Interest ends so long after the last of these events, milliseconds. */
  readonly withinMs: number;
  /** At most so many are told of a row, those whose interest is the youngest. */
  readonly most: number;
}

/** An event made of a change of a row. */
export interface TableChange {
  readonly event: string;
  /** CEL over `before` and `now`; null: whenever the row is told. */
  readonly when: string | null;
  /** Also told as it stands to whoever has just become interested. */
  readonly first: boolean;
}

/** First rule whose `when` holds is used. Expressions are CEL over `record`, source text. */
export interface TransformRule {
  readonly when: string | null;
  /** Not an event, and why; counted by reason, not rejected. */
  readonly skip: string | null;
  readonly type: string | null;
  readonly event: string | null;
  readonly messageId: string | null;
  readonly occurredAt: string | null;
  readonly asOf: string | null;
  readonly identifiers: Readonly<Record<string, string>>;
  readonly properties: string | Readonly<Record<string, string>> | null;
  readonly traits: string | Readonly<Record<string, string>> | null;
  /** Such a record is the last of its batch. */
  readonly endsBatch?: boolean;
}
