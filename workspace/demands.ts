import type { CompiledSegment } from '../processors/evaluate-segments/segment.ts';
import type { CompiledActivation } from '../processors/plan-activations/activation.ts';
import { demandOf, type DemandYaml, joinDemands } from '../schemas/freshness-demand.ts';

/** What messages demand over a channel, by its name, as freshet.yaml says it. */
export type ChannelDemands = Readonly<Record<string, DemandYaml>>;

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
