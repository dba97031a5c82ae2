import { Liquid } from 'liquidjs';
import type { LiquidOptions, Template } from 'liquidjs';

/** Tags that write without escaping, or that reach for other files. */
const REFUSED_TAGS = ['block', 'cycle', 'echo', 'include', 'layout', 'liquid', 'render', 'tablerow'];

const shared: LiquidOptions = {
  ownPropertyOnly: true,
  strictFilters: true,
  strictVariables: true,
  lenientIf: true,
  templates: {},
  timezoneOffset: 0,
  locale: 'en-GB',
  parseLimit: 1_000_000,
  renderLimit: 200,
  memoryLimit: 5_000_000,
};

/** Liquid whose output is escaped for HTML text and quoted attributes, always. */
export const htmlLiquid = engine({ ...shared, outputEscape: 'escape' });

/** Liquid for headers and plain text. */
export const textLiquid = engine(shared);

function engine(options: LiquidOptions): Liquid {
  const liquid = new Liquid(options);
  for (const tag of REFUSED_TAGS) delete liquid.tags[tag];
  delete liquid.filters['raw'];
  liquid.registerFilter('money', money);
  return liquid;
}

/** `{{ 12.5 | money: "EUR" }}`: an amount in its currency. */
function money(amount: unknown, currency: unknown): string {
  const value = Number(amount);
  if (!Number.isFinite(value) || typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency)) return String(amount);
  return new Intl.NumberFormat('en-GB', { style: 'currency', currency }).format(value);
}

const MAX_OUTPUT = 512 * 1024;

/** Renders with all limits in force. Throws what Liquid throws, or when more than 512 KiB came out. */
export function render(liquid: Liquid, template: Template[], scope: object): string {
  const text = String(liquid.renderSync(template, scope, { templateLimit: 20_000 }));
  if (text.length > MAX_OUTPUT) throw new RangeError('the message is too large');
  return text;
}
