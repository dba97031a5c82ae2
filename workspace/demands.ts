import type { CompiledSegment } from '../processors/evaluate-segments/segment.ts';
import type { CompiledActivation } from '../processors/plan-activations/activation.ts';
import type { ConfigPath } from '../schemas/config.ts';
import { demandOf, type DemandYaml, type FreshnessDemand, joinDemands } from '../schemas/freshness-demand.ts';
import type { YamlFile } from './yaml-file.ts';

/** What messages demand over a channel, by its name, as freshet.yaml says it. */
export type ChannelDemands = Readonly<Record<string, DemandYaml>>;

/** What demands freshness, and where in its file; at its top where no path is given. */
export interface Demanding {
  readonly file: YamlFile;
  readonly path?: ConfigPath;
  readonly value: { readonly freshness?: FreshnessDemand | undefined };
}

/** What the channels demand, each at its place in freshet.yaml. */
export function ofChannels(file: YamlFile | undefined, channels: ChannelDemands = {}): readonly Demanding[] {
  if (file === undefined) return [];
  return Object.entries(channels).map(([name, yaml]) => ({
    file,
    path: ['channels', name],
    value: { freshness: demandOf(yaml) },
  }));
}

/** The activations, each with what it demands together with its segment and its channel. */
export function withDemands(
  activations: readonly CompiledActivation[],
  segments: readonly CompiledSegment[],
  channels: ChannelDemands = {},
): readonly CompiledActivation[] {
  const ofSegment = new Map(segments.map(({ name, freshness }) => [name, freshness]));
  const ofChannel = new Map(Object.entries(channels).map(([name, yaml]) => [name, demandOf(yaml)]));
  return activations.map((activation) => ({
    ...activation,
    freshness: joinDemands(activation.freshness, ofSegment.get(activation.segment), ofChannel.get(activation.channel)),
  }));
}
