import { describe, expect, it } from '@jest/globals';
import type { Node } from '../../processors/stitch-identity/site.ts';
import { stitchIdentity } from '../../processors/stitch-identity/index.ts';
import { shuffled as mixed } from '../../processors/stitch-identity/testing/history.ts';
import { collecting, eventOf, keyOf, primaryOf, rulesWith, secret } from '../../processors/stitch-identity/testing/world.ts';
import { lastCustomer } from '../../processors/stitch-identity/timeline.ts';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { topics } from '../../schemas/topics.ts';
import { start } from '../support/walk.ts';
import { randomOf } from './harness/random.ts';
import { TwoInstances } from './harness/two-instances.ts';

const seed = Number(process.env['FRESHET_FAULT_SEED'] ?? Date.now() % 1_000_000);
const kinds = ['user_id', 'email', 'phone', 'anonymous_id', 'device_id'];
const unlimited = rulesWith(Object.fromEntries(kinds.map((kind) => [kind, null])));
const clusters = 25;
const perCluster = 8;
const events = 600;

/** Events of one or two identifiers; most links are within a cluster, some join two. */
function storm(random: () => number): { readonly names: readonly string[]; readonly amount: number }[] {
  const below = (count: number): number => Math.floor(random() * count);
  const name = (cluster: number): string => {
    const member = below(perCluster);
    return `${kinds[member % kinds.length]}:${cluster}-${member}`;
  };
  return Array.from({ length: events }, () => {
    const cluster = below(clusters);
    const other = random() < 0.03 ? below(clusters) : cluster;
    return { names: [...new Set(random() < 0.6 ? [name(cluster), name(other)] : [name(cluster)])], amount: 1 + below(1_000) };
  });
}

/** The plain model: union-find over names. */
function components(links: readonly (readonly string[])[]): (name: string) => string {
  const parent = new Map<string, string>();
  const root = (name: string): string => {
    const above = parent.get(name) ?? name;
    return above === name ? name : root(above);
  };
  for (const [one = '', other = one] of links) parent.set(root(one), root(other));
  return root;
}

describe('F28: a storm of merges', () => {
  it('F28: leaves one customer for each component, with the sum of its parts, while two instances are killed and tasks move', async () => {
    const random = randomOf(seed);
    const serdes = createSerdes({ registry: new MemoryRegistry() });
    await serdes.register();
    const instances = new TwoInstances(start);
    const driver = await TopologyTestDriver.start({
      processors: [stitchIdentity({ secret, identity: unlimited }), collecting()],
      serdes,
      rejected: topics.eventsRejected,
      ...instances.ground,
    });
    const sent = storm(random);
    const tagged = sent.map(({ names }, index) => eventOf(`m${index}`, index, names));
    for (const [index, event] of mixed(tagged, seed).entries()) {
      driver.pipe(topics.eventsTagged, primaryOf(event), event);
      const task = driver.tasks[Math.floor(random() * driver.tasks.length)];
      if (task === undefined) continue;
      if (random() < 0.05) instances.kill(task, (['before', 'open', 'after'] as const)[Math.floor(random() * 3)] ?? 'open');
      if (random() < 0.05) instances.rebalance(task);
      // Messages of several merges are under way at the same time.
      for (let steps = Math.floor(random() * 12); steps > 0; steps--) {
        await new Promise((resolve) => setImmediate(resolve));
        await driver.step(driver.tasks[Math.floor(random() * driver.tasks.length)] ?? task);
      }
      if (index % 100 === 99) await driver.settle();
    }
    await driver.settle();

    const root = components(sent.map(({ names }) => names));
    const names = [...new Set(sent.flatMap((event) => event.names))];
    const customerOf = (name: string): string =>
      lastCustomer((driver.state('stitch-identity', keyOf(name), 'n') as Node | undefined)?.timeline ?? []);
    const found = Map.groupBy(names, customerOf);
    const wanted = Map.groupBy(names, root);
    const split = [...wanted.values()].filter((members) => new Set(members.map(customerOf)).size !== 1).length;
    const joined = [...found.values()].filter((members) => new Set(members.map(root)).size !== 1).length;

    const log = driver.read(topics.eventsIdentified);
    const closed = new Set(log.filter(({ value }) => value.marker?.kind === 'closing').map(({ key }) => key));
    let afterClose = 0;
    for (const key of closed) {
      const own = log.filter((record) => record.key === key);
      const lastSeal = own.findLastIndex(({ value }) => value.marker?.kind === 'sealed');
      afterClose += own.slice(lastSeal).filter(({ value }) => value.event !== null).length;
    }

    const amount = (id: string): number => sent[Number(id.slice(1))]?.amount ?? Number.NaN;
    let wrongSums = 0;
    for (const [component, members] of wanted) {
      const ids = (driver.state('collect', customerOf(members[0] ?? ''), 'ids') as string[] | undefined) ?? [];
      const parts = sent.flatMap((event, index) => (root(event.names[0] ?? '') === component ? [`m${index}`] : []));
      const sum = (list: readonly string[]): number => list.reduce((total, id) => total + amount(id), 0);
      if (sum(ids) !== sum(parts) || ids.toSorted().join() !== parts.toSorted().join()) wrongSums += 1;
    }
    const left = [...closed].filter((key) => driver.parts('collect', key).some((part) => part === 'ids')).length;
    process.stderr.write(
      `freshet: F28: seed ${seed}, records ${events}, merges ${closed.size}, components ${wanted.size}, kills ${instances.kills}, moves ${instances.moves}, split ${split}, joined ${joined}, wrong sums ${wrongSums}, events after close ${afterClose}, left behind ${left}\n`,
    );
    expect({ split, joined, wrongSums, afterClose, left }).toEqual({ split: 0, joined: 0, wrongSums: 0, afterClose: 0, left: 0 });
    expect(closed.size).toBeGreaterThan(20);
    expect(instances.kills).toBeGreaterThan(10);
    expect(driver.read(topics.eventsRejected)).toEqual([]);
    await driver.close();
  });
});
