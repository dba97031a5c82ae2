import type { CompiledSegment } from '../processors/evaluate-segments/segment.ts';
import type { CompiledActivation } from '../processors/plan-activations/activation.ts';
import type { SourceConfig } from '../schemas/config.ts';
import type { Demanding } from './demands.ts';
import type { Problem } from './problems.ts';
import { pathsOf, type Compiled } from './yaml-file.ts';

/** The files of a workspace that could be compiled. */
export interface Declared {
  readonly sources: readonly Compiled<SourceConfig>[];
  readonly segments: readonly Compiled<CompiledSegment>[];
  /** Every file of a segment could be compiled: a name that is not among these is wrong. */
  readonly allSegments: boolean;
  readonly activations: readonly Compiled<CompiledActivation>[];
  /** What channels demand. */
  readonly channels?: readonly Demanding[];
  readonly templates: readonly string[];
}

/** What no file can be blamed for alone: names that are there twice, or that lead nowhere. */
export function checkReferences(declared: Declared): readonly Problem[] {
  const { sources, segments, allSegments, activations, channels = [], templates } = declared;
  const sourceNames = sources.map(({ value }) => value.name);
  const names = [...new Set(segments.map(({ value }) => value.name))];
  return [
    ...twice(sources, 'source'),
    ...twice(segments, 'segment'),
    ...twice(activations, 'activation'),
    ...fedInACircle(sources),
    ...tablesOfOneName(sources),
    ...unknownEvents(sources, segments),
    ...nothingToAskBy(sources),
    ...figuresOfOneName(segments),
    ...topicsOfSeveral(segments),
    ...activations.flatMap(({ file, value }) => [
      ...(!allSegments || names.includes(value.segment)
        ? []
        : [file.problem(['on', 'segment'], expected('a segment', names, value.segment))]),
      ...(templates.includes(value.template)
        ? []
        : [file.problem(['template'], expected('a template', templates, value.template))]),
    ]),
    ...[...segments, ...activations, ...channels].flatMap(({ file, path = [], value }: Demanding) =>
      Object.keys(value.freshness?.maxAgeMs ?? {})
        .filter((source) => !sourceNames.includes(source))
        .map((source) => file.problem([...path, 'max_age', source], expected('a source', sourceNames, source))),
    ),
  ];
}

function expected(what: string, known: readonly string[], found: string): string {
  return `expected ${what} of this workspace (${known.length === 0 ? 'there is none' : known.join(', ')}), found "${found}"`;
}

function twice(files: readonly Compiled<{ readonly name: string }>[], field: string): readonly Problem[] {
  return files.flatMap(({ file, value }, index) => {
    const first = files.slice(0, index).find((other) => other.value.name === value.name);
    return first === undefined
      ? []
      : [file.problem([field], `expected a name of its own, "${value.name}" is also in ${first.file.file}`)];
  });
}

/** A table has one source: which of two facts counts could not be told. */
function tablesOfOneName(sources: Declared['sources']): readonly Problem[] {
  return sources.flatMap(({ file, value: { table } }, index) => {
    const first = sources.slice(0, index).find((other) => table !== undefined && other.value.table?.name === table.name);
    return first === undefined
      ? []
      : [file.problem(['table', 'name'], `expected a name of its own, "${table?.name ?? ''}" is also in ${first.file.file}`)];
  });
}

/** Sources that wait for each other would never be fresh. */
function fedInACircle(sources: Declared['sources']): readonly Problem[] {
  const feeders = new Map(sources.map(({ value }) => [value.name, (value.fedBy ?? []).map(({ name }) => name)]));
  const reaches = (from: string, to: string, seen: ReadonlySet<string> = new Set()): boolean =>
    (feeders.get(from) ?? []).some((next) => next === to || (!seen.has(next) && reaches(next, to, new Set([...seen, next]))));
  return sources.flatMap(({ file, value: { name, fedBy = [] } }) =>
    fedBy
      .filter((link) => link.name === name || reaches(link.name, name))
      .map((link) => file.problem(['fed_by', link.name], `expected what is not fed by ${name} itself`)),
  );
}

/** A trait has one meaning: the same name may be given twice only to the same figure. */
function figuresOfOneName(segments: Declared['segments']): readonly Problem[] {
  const first = new Map<string, { readonly hash: string; readonly file: string }>();
  return segments.flatMap(({ file, value }) =>
    value.leaves.flatMap(({ hash, as }) => {
      if (as === undefined) return [];
      const other = first.get(as);
      if (other === undefined) first.set(as, { hash, file: file.file });
      if (other === undefined || other.hash === hash) return [];
      const [path = ['when']] = pathsOf((file.data as { when: unknown }).when, as, ['when']);
      return [file.problem(path, `expected a name of its own, "${as}" is another figure in ${other.file}`)];
    }),
  );
}

/** Who reads the topic of one segment wants no other. */
function topicsOfSeveral(segments: Declared['segments']): readonly Problem[] {
  return segments.flatMap(({ file, value: { topic } }, index) => {
    const first = topic === undefined ? undefined : segments.slice(0, index).find(({ value }) => value.topic === topic);
    if (first === undefined) return [];
    return [file.problem(['publish', 'topic'], `expected a topic of its own, ${topic} is that of ${first.file.file}`)];
  });
}

/** Only where every source says which events it may carry is a name known to be wrong. */
function unknownEvents(sources: Declared['sources'], segments: Declared['segments']): readonly Problem[] {
  if (sources.length === 0 || sources.some(({ value }) => value.events === null)) return [];
  const known = [...new Set(sources.flatMap(({ value }) => value.events ?? []))].sort();
  return segments.flatMap(({ file, value }) =>
    value.events
      .filter((event) => !known.includes(event))
      .flatMap((event) => {
        const { when } = file.data as { when: unknown };
        const places = pathsOf(when, event, ['when']);
        return (places.length === 0 ? [['when']] : places).map((path) =>
          file.problem(path, `expected an event that a source carries (${known.join(', ')}), found "${event}"`),
        );
      }),
  );
}

/** An enrichment that waits for an event that no other source carries would never ask. */
function nothingToAskBy(sources: Declared['sources']): readonly Problem[] {
  if (sources.some(({ value }) => value.events === null)) return [];
  return sources.flatMap(({ file, value: { name, input } }) => {
    if (input.kind !== 'enrich') return [];
    const others = sources.filter(({ value }) => value.name !== name);
    const known = [...new Set(others.flatMap(({ value }) => value.events ?? []))].sort();
    return input.enrich.events.flatMap((event, index) =>
      known.includes(event)
        ? []
        : [
            file.problem(
              ['enrich', 'events', index],
              `expected an event that another source carries (${known.join(', ')}), found "${event}"`,
            ),
          ],
    );
  });
}
