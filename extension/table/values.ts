/** Values of a table as text. */
import { shown } from '../shared/dom';
import type { Column } from '../shared/records';

/** What a cell shows; empty for a missing value. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) {
    return '';
  }
  if (Array.isArray(value)) {
    return `[${value.map(textOf).join(', ')}]`;
  }
  return typeof value === 'number' ? shown(value) : String(value);
}

/** What a cell says when one rests on it: all digits, and the time zone. */
export function wholeText(value: unknown, column: Column): string {
  const text = typeof value === 'number' || Array.isArray(value) ? JSON.stringify(value) : textOf(value);
  return [text || 'no value', text && column.unit].filter(Boolean).join(' ');
}

/** A moment as people read it, in UTC. */
export function momentOf(value: unknown): string {
  return typeof value === 'string' ? value.replace('T', ' ').replace(/(\.000000)?(Z|\+00:00)$/, '') : '';
}

export function isNumber({ kind }: Column): boolean {
  return kind === 'integer' || kind === 'float' || kind === 'link';
}

/** What a column is, in lines: name, type, unit, description. */
export function tooltipOf({ name, kind, dtype, unit, description, target }: Column): string {
  const type = target ? `${target} numbers` : kind === dtype ? kind : `${kind}, ${dtype}`;
  return [name, type, unit && `in ${unit}`, description].filter(Boolean).join('\n');
}

/** A column's name as conditions write it. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
