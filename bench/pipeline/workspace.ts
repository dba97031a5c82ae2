import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../infra/local/settings.ts';

const shop = join(projectRoot, 'examples', 'shop');

/** An order of at least so much puts its customer into the first segment, at once, and has a mail sent. */
export const BIG = 250;
export const FIRST_SEGMENT = 'segment-0';
export const WRITE_KEY = 'dev-shop-key';

/** What segment `i` asks: the kinds of the shop in turn, each with numbers of its own so that none is shared. */
function ruleOf(i: number): string {
  if (i === 0) return `count: { of: Order Completed, where: properties.total >= ${BIG}, within: 1d, at_least: 1 }`;
  switch (i % 4) {
    case 0:
      return `sum: { of: Order Completed, value: properties.total, within: ${1 + (i % 27)}d, at_least: ${1000 + i} }`;
    case 1:
      return `count: { of: Product Viewed, within: ${1 + (i % 20)}h, at_least: ${5 + i} }`;
    case 2:
      return `absence: { of: Order Completed, after: Product Added, within: ${30 + i}m, same: cart_id, for: 1d }`;
    default:
      return `count: { of: Order Completed, where: properties.total >= ${5 + i}, within: ${1 + (i % 27)}d, at_least: ${3 + (i % 7)} }`;
  }
}

/** A workspace with the shop's web source, so many segments, and one mail. Returns the folder. */
export async function writeWorkspace(folder: string, segments: number): Promise<string> {
  const dir = join(folder, `workspace-${segments}`);
  for (const name of ['sources', 'segments', 'activations', 'templates']) await mkdir(join(dir, name), { recursive: true });
  await writeFile(join(dir, 'freshet.yaml'), 'name: bench\nsecret: only-for-the-bench\ntimezone: Europe/London\n');
  await cp(join(shop, 'sources', 'shop.yaml'), join(dir, 'sources', 'shop.yaml'));
  await cp(join(shop, 'templates', 'big-basket.mjml'), join(dir, 'templates', 'mail.mjml'));
  await writeFile(
    join(dir, 'activations', 'mail.yaml'),
    `activation: mail\non: { segment: ${FIRST_SEGMENT} }\nchannel: email\naddress: email\ntemplate: mail\n` +
      'data: { first_name: first_name }\nvalid_for: 15m\n',
  );
  for (let i = 0; i < segments; i++) {
    const text = `segment: segment-${i}\ndescription: Number ${i}\nwhen:\n  ${ruleOf(i)}\n`;
    await writeFile(join(dir, 'segments', `segment-${i}.yaml`), text);
  }
  return dir;
}
