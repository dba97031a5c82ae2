/** Elements made of data. Data become text and nothing else: no markup is ever parsed here. */

/** An element with a class, attributes and children; a child that is not an element is its text. */
export function el(tag, options = {}, ...children) {
  const { class: name, ...attributes } = options;
  const element = document.createElement(tag);
  if (name) element.className = name;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Makes `parent` show `items`, in order. An element whose item has not changed stays as it is, so that what a reader
 * has selected or focused survives.
 */
export function sync(parent, items, key, draw) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const text = JSON.stringify(item);
    const old = before.get(String(key(item)));
    if (old !== undefined && old.dataset.drawn === text) return old;
    const element = draw(item);
    element.dataset.key = key(item);
    element.dataset.drawn = text;
    return element;
  });
  const kept = new Set(wanted);
  for (const child of before.values()) if (!kept.has(child)) child.remove();
  wanted.forEach((element, index) => {
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
}

/** A line to be shown instead of an empty list. */
export function orNone(items, text) {
  return items.length > 0 ? items : [{ none: text }];
}
