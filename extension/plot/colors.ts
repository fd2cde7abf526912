/** The colours of points. */
import type { Column } from './columns';

export type Rgb = [number, number, number];

/** Okabe and Ito's colours for people who see colours in any way, and some between. */
const CATEGORIES = [
  '0072b2', 'e69f00', '009e73', 'cc79a7', 'd55e00', '56b4e9', 'b3a000', '7f5fc4', '8c564b', '17becf'
];
const NONE: Rgb = [0.6, 0.6, 0.6];
// Viridis at ten places.
const VIRIDIS = [
  '440154', '482878', '3e4989', '31688e', '26828e', '1f9e89', '35b779', '6ece58', 'b5de2b', 'fde725'
];
const STEPS = 64;

/** What a legend shows of one colour. */
export interface Entry {
  color: string;
  text: string;
  count: number;
}

/** `codes` point into `colors`; a legend has entries, or a range for a gradient. */
export interface Coloring {
  codes: Float32Array;
  colors: Rgb[];
  entries: Entry[];
  range: [number, number] | null;
}

export function rgbOf(hex: string): Rgb {
  const number = parseInt(hex, 16);
  return [(number >> 16) / 255, ((number >> 8) & 255) / 255, (number & 255) / 255];
}

export function hexOf(rgb: Rgb): string {
  return rgb.map(part => Math.round(255 * part).toString(16).padStart(2, '0')).join('');
}

function categoryColor(i: number): string {
  return CATEGORIES[i % CATEGORIES.length];
}

/** The colour of gate `i`; the first is not the blue of a nuclear stain. */
export function gateColor(i: number): string {
  return categoryColor(i + 1);
}

export const GRADIENT = `linear-gradient(to right, ${VIRIDIS.map(hex => `#${hex}`).join(', ')})`;

/** The colours of the points at `places` of a column. */
export function colored(column: Column, places: Int32Array): Coloring {
  return column.words ? byWord(column, column.words, places) : byNumber(column, places);
}

function byWord(column: Column, words: string[], places: Int32Array): Coloring {
  const codes = new Float32Array(places.length);
  const shown = Math.min(words.length, CATEGORIES.length);
  const rest = words.length > shown ? shown : -1;
  const counts = new Array<number>(shown + 2).fill(0);
  for (let i = 0; i < places.length; i++) {
    const code = column.values[places[i]];
    const place = code < 0 ? shown + 1 : code < shown ? code : rest < 0 ? shown + 1 : rest;
    codes[i] = place;
    counts[place]++;
  }
  const colors: Rgb[] = words.slice(0, shown).map((_, i) => rgbOf(categoryColor(i)));
  colors.push([0.45, 0.45, 0.45], NONE);
  const names = [...words.slice(0, shown), `${words.length - shown} others`, 'no value'];
  const entries = names
    .map((text, i) => ({ color: hexOf(colors[i]), text, count: counts[i] }))
    .filter(({ count }) => count > 0);
  return { codes, colors, entries, range: null };
}

function byNumber(column: Column, places: Int32Array): Coloring {
  const { values } = column;
  let low = Infinity;
  let high = -Infinity;
  for (const place of places) {
    if (Number.isFinite(values[place])) {
      low = Math.min(low, values[place]);
      high = Math.max(high, values[place]);
    }
  }
  const codes = new Float32Array(places.length);
  let missing = 0;
  for (let i = 0; i < places.length; i++) {
    const value = values[places[i]];
    if (Number.isFinite(value)) {
      codes[i] = 1 + Math.round(((value - low) / (high - low || 1)) * (STEPS - 1));
    } else {
      missing++;
    }
  }
  const colors = [NONE, ...Array.from({ length: STEPS }, (_, i) => viridis(i / (STEPS - 1)))];
  const entries = missing ? [{ color: hexOf(NONE), text: 'no value', count: missing }] : [];
  return { codes, colors, entries, range: low <= high ? [low, high] : null };
}

function viridis(share: number): Rgb {
  const place = share * (VIRIDIS.length - 1);
  const i = Math.min(VIRIDIS.length - 2, Math.floor(place));
  const [from, to] = [rgbOf(VIRIDIS[i]), rgbOf(VIRIDIS[i + 1])];
  return from.map((part, k) => part + (place - i) * (to[k] - part)) as Rgb;
}
