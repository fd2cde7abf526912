/** A page of rows: a head that sorts, rows that can be walked through with the keyboard. */
import { el } from '../shared/dom';
import type { Column } from '../shared/records';
import type { Order, Rows } from './pages';
import { isNumber, momentOf, textOf, tooltipOf, wholeText } from './values';

export interface GridEvents {
  sort(column: string): void;
  /** Somebody chose a row, the `place`th of the page. */
  chosen(place: number): void;
  opened(place: number): void;
  turn(by: number): void;
}

export class Grid {
  readonly node: HTMLElement;
  private readonly head = el('thead', '');
  private readonly body = el('tbody', '', { onkeydown: (event: KeyboardEvent) => this.keydown(event) });
  private lines: HTMLTableRowElement[] = [];
  private marked = -1;
  private names = '';

  constructor(
    name: string,
    private readonly events: GridEvents
  ) {
    const table = el('table', 'table', { role: 'grid', 'aria-label': name }, this.head, this.body);
    this.body.addEventListener('click', event => this.at(event, place => events.chosen(place)));
    this.body.addEventListener('dblclick', event => this.at(event, place => events.opened(place)));
    this.node = el('div', 'table-scroll', {}, table);
  }

  /** Show the head of these columns; the one that sorts is marked. */
  showHead(columns: Column[], order: Order): void {
    const cells = columns.map(column => {
      const sorts = order.order_by === column.name;
      const direction = order.descending ? 'descending' : 'ascending';
      const canSort = column.kind !== 'array';
      const words = [
        el('span', 'table-name', {}, column.name, sorts ? (order.descending ? ' ▾' : ' ▴') : ''),
        column.unit ? el('span', 'table-unit', {}, column.unit) : null
      ];
      return el(
        'th',
        isNumber(column) ? 'table-number' : '',
        {
          scope: 'col',
          title: tooltipOf(column),
          'aria-sort': sorts ? direction : canSort ? 'none' : undefined
        },
        canSort
          ? el('button', 'table-sort', { type: 'button', onclick: () => this.events.sort(column.name) }, ...words)
          : el('span', 'table-sort', {}, ...words)
      );
    });
    const corner = el('th', 'table-row-id', { scope: 'col', title: 'The number that a row keeps for ever' }, 'row');
    const names = columns.map(({ name }) => name).join('\n');
    if (names !== this.names) {
      this.names = names;
      this.node.scrollLeft = 0;
    }
    this.head.replaceChildren(el('tr', '', {}, corner, ...cells));
  }

  showRows(columns: Column[], { row_ids, rows }: Rows): void {
    this.lines = rows.map((values, i) =>
      el(
        'tr',
        '',
        { tabindex: -1, 'aria-selected': 'false', 'data-row': row_ids[i], 'data-place': i },
        el('th', 'table-row-id', { scope: 'row' }, String(row_ids[i])),
        ...columns.map((column, c) => {
          const value = values[c];
          const text = column.kind === 'timestamp' ? momentOf(value) : textOf(value);
          const name = isNumber(column) ? 'table-number' : '';
          return text
            ? el('td', name, { title: wholeText(value, column) }, text)
            : el('td', 'table-none', { 'aria-label': 'no value' }, '–');
        })
      )
    );
    this.body.replaceChildren(...this.lines);
    this.marked = -1;
    this.lines[0]?.setAttribute('tabindex', '0');
    this.node.scrollTop = 0;
  }

  /** Mark a row of the page, -1 for none; with `looks` it comes into view. */
  mark(place: number, looks = false): void {
    const line = (i: number) => this.lines[Math.max(i, 0)];
    line(this.marked)?.setAttribute('aria-selected', 'false');
    line(this.marked)?.setAttribute('tabindex', '-1');
    this.marked = place < this.lines.length ? place : -1;
    line(this.marked)?.setAttribute('tabindex', '0');
    if (this.marked >= 0) {
      line(this.marked).setAttribute('aria-selected', 'true');
      if (looks) {
        line(this.marked).scrollIntoView({ block: 'nearest' });
      }
    }
  }

  private at(event: Event, call: (place: number) => void): void {
    const line = (event.target as HTMLElement).closest<HTMLElement>('tr[data-place]');
    if (line) {
      call(Number(line.dataset.place));
    }
  }

  private keydown(event: KeyboardEvent): void {
    const last = this.lines.length - 1;
    const from = this.lines.indexOf((event.target as HTMLElement).closest('tr') as HTMLTableRowElement);
    const to: Record<string, number> = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: last };
    if (event.key === 'PageDown' || event.key === 'PageUp') {
      this.events.turn(event.key === 'PageDown' ? 1 : -1);
    } else if (event.key === 'Enter' && from >= 0) {
      this.events.opened(from);
    } else if (event.key === ' ' && from >= 0) {
      this.events.chosen(from);
    } else if (event.key in to) {
      const place = Math.max(0, Math.min(last, to[event.key]));
      this.lines[place]?.focus();
      this.events.chosen(place);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
