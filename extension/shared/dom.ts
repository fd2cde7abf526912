/** Building the page; text always goes in as text, so a name can never become markup. */

type Child = Node | string | null | undefined;
type Attributes = Record<string, string | number | boolean | ((event: any) => void) | undefined>;

/** An element with class `jp-OmeroJlab-NAME`, attributes, listeners (`onclick`) and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  name: string,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (name) {
    made.className = name
      .split(' ')
      .map(each => `jp-OmeroJlab-${each}`)
      .join(' ');
  }
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      made.addEventListener(key.slice(2), value);
    } else if (typeof value === 'boolean') {
      made.toggleAttribute(key, value);
    } else if (value !== undefined) {
      made.setAttribute(key, String(value));
    }
  }
  made.append(...children.filter((each): each is Node | string => each != null));
  return made;
}

/** A line that says what went wrong, with a button that tries again. */
export function notice(error: unknown, retry?: () => void): HTMLElement {
  const text = error instanceof Error ? error.message : String(error);
  return el(
    'div',
    'notice',
    { role: 'alert' },
    el('span', '', {}, text),
    retry && el('button', 'button', { type: 'button', onclick: retry }, 'Try again')
  );
}

export function wasAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** `call` once things have been quiet for `ms`. */
export function debounced(call: () => void, ms: number): { (): void; cancel(): void } {
  let timer = 0;
  const later = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(call, ms);
  };
  later.cancel = () => window.clearTimeout(timer);
  return later;
}

/** A number for people: at most five significant digits, no exponent where it can be helped. */
export function shown(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) {
    return String(value);
  }
  return String(Number(value.toPrecision(5)));
}

const SVG = 'http://www.w3.org/2000/svg';
const ICONS: Record<string, string> = {
  project: 'M3 5h6l2 2h10v12H3z',
  dataset: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  screen: 'M3 4h18v12H3zM8 20h8v-2H8z',
  plate: 'M3 5h18v14H3zM7 9h2v2H7zM11 9h2v2h-2zM15 9h2v2h-2zM7 13h2v2H7zM11 13h2v2h-2zM15 13h2v2h-2z',
  well: 'M12 4a8 8 0 1 0 .01 0zM12 8a4 4 0 1 1-.01 0z',
  image: 'M4 4h16v16H4zM6 17h12l-4-6-3 4-2-2z',
  folder: 'M3 5h6l2 2h10v12H3z'
};

/** The icon of a kind of object, drawn in the colour of the text around it. */
export function icon(kind: string): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'jp-OmeroJlab-icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[kind] ?? ICONS.folder);
  path.setAttribute('fill-rule', 'evenodd');
  svg.append(path);
  return svg;
}
