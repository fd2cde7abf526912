/** What stands beside the plot: its columns, its colours, its gates. */
import { el, shown } from '../shared/dom';
import { type Coloring, GRADIENT } from './colors';
import type { Tool } from './frame';
import type { Shape } from './shapes';

/** A gate of the table, as the server keeps it. */
export interface Gate {
  id: number;
  name: string;
  color: string;
  shape: Shape;
  rights: { can_delete: boolean };
}

export interface Choice {
  x: string;
  y: string;
  color: string | null;
  log_x: boolean;
  log_y: boolean;
}

export interface TableColumn {
  name: string;
  kind: string;
  unit?: string;
}

export interface SideEvents {
  chosen(change: Partial<Choice>): void;
  gate(name: string | null): void;
  keep(name: string): Promise<void>;
  remove(gate: Gate): Promise<void>;
  tool(tool: Tool): void;
  clear(): void;
}

const TOOLS: [Tool, string, string][] = [
  ['pan', '✥', 'Move and zoom'],
  ['lasso', '◌', 'Draw around points (or hold Shift)'],
  ['rectangle', '▭', 'A rectangle of both columns'],
  ['range', '↔', 'A range of the column across']
];

export class Side {
  readonly node = el('div', 'side plot-side');
  readonly tools = el('div', 'plot-tools', { role: 'toolbar', 'aria-label': 'Tools' });
  private readonly selects = el('div', 'plot-columns');
  private readonly legend = el('div', 'plot-legend');
  private readonly gates = el('div', 'plot-gates');
  private readonly selection = el('div', 'plot-selection');
  private readonly notes = el('div', 'plot-notes');

  constructor(
    title: string,
    private readonly canKeep: boolean,
    private readonly events: SideEvents,
    zoom: { in(): void; out(): void; fit(): void }
  ) {
    const button = (text: string, label: string, onclick: () => void, tool = '') =>
      el(
        'button',
        'plot-tool',
        { type: 'button', title: label, 'aria-label': label, 'data-tool': tool || undefined, onclick },
        text
      );
    this.tools.append(
      ...TOOLS.map(([tool, text, label]) => button(text, label, () => events.tool(tool), tool)),
      button('+', 'Closer', zoom.in),
      button('−', 'Further away', zoom.out),
      button('⤢', 'All points (f)', zoom.fit)
    );
    this.node.append(
      el('h3', 'title', { title }, title),
      this.selects,
      this.legend,
      this.selection,
      this.gates,
      this.notes
    );
  }

  showTool(tool: Tool): void {
    for (const each of this.tools.querySelectorAll<HTMLElement>('[data-tool]')) {
      each.setAttribute('aria-pressed', String(each.dataset.tool === tool));
    }
  }

  showColumns(columns: TableColumn[], choice: Choice): void {
    const numbers = columns.filter(({ kind }) => ['integer', 'float', 'timestamp', 'link'].includes(kind));
    const colors = columns.filter(({ kind }) => kind !== 'array');
    const select = (label: string, key: 'x' | 'y' | 'color', names: string[], now: string | null) =>
      el(
        'select',
        '',
        {
          'aria-label': label,
          onchange: (event: Event) =>
            this.events.chosen({ [key]: (event.target as HTMLSelectElement).value || null })
        },
        ...(key === 'color' ? [el('option', '', { value: '', selected: !now }, 'one colour')] : []),
        ...names.map(name => el('option', '', { value: name, selected: name === now }, name))
      );
    const log = (key: 'log_x' | 'log_y', label: string) =>
      el(
        'label',
        'plot-log',
        { title: `Logarithmic ${label}` },
        el('input', '', {
          type: 'checkbox',
          checked: choice[key],
          'aria-label': `Logarithmic ${label}`,
          onchange: (event: Event) =>
            this.events.chosen({ [key]: (event.target as HTMLInputElement).checked })
        }),
        'log'
      );
    const names = numbers.map(({ name }) => name);
    const row = (...parts: (HTMLElement | string)[]) => el('div', 'plot-column', {}, ...parts);
    this.selects.replaceChildren(
      row(el('span', 'plot-axis', {}, 'x'), select('Column across', 'x', names, choice.x), log('log_x', 'x')),
      row(el('span', 'plot-axis', {}, 'y'), select('Column up', 'y', names, choice.y), log('log_y', 'y')),
      row(
        el('span', 'plot-axis', {}, '●'),
        select('Colour by', 'color', colors.map(({ name }) => name), choice.color)
      )
    );
  }

  showLegend(coloring: Coloring | null, name: string | null): void {
    if (!coloring) {
      this.legend.replaceChildren();
      return;
    }
    const entries = coloring.entries.map(({ color, text, count }) => line(`#${color}`, text, count));
    const { range } = coloring;
    const bar = el('div', 'plot-gradient');
    bar.style.background = GRADIENT;
    this.legend.replaceChildren(
      el('h4', '', {}, name ?? ''),
      ...(range
        ? [bar, el('div', 'plot-ends', {}, el('span', '', {}, shown(range[0])), el('span', '', {}, shown(range[1])))]
        : []),
      ...entries
    );
  }

  /** How many points are selected, and a way to keep what was drawn. */
  showSelection(count: number | null, isDrawn: boolean): void {
    if (count === null) {
      this.selection.replaceChildren(
        el('p', 'hint', {}, 'Draw around points to select cells; click a point to see its cell.')
      );
      return;
    }
    const name = el('input', 'field', {
      type: 'text',
      placeholder: 'Name of the gate',
      'aria-label': 'Name of the gate',
      maxlength: 255,
      onkeydown: (event: KeyboardEvent) => {
        if (event.key === 'Enter') {
          keep();
        }
      }
    });
    const keep = () => {
      if (name.value.trim()) {
        void this.events.keep(name.value.trim());
      } else {
        name.focus();
      }
    };
    const button = (text: string, title: string, onclick: () => void) =>
      el('button', 'button', { type: 'button', title, onclick }, text);
    this.selection.replaceChildren(
      el(
        'div',
        'plot-count',
        {},
        el('strong', '', {}, `${count.toLocaleString('en')} selected`),
        button('Clear', 'Select nothing (Escape)', () => this.events.clear())
      ),
      ...(isDrawn && this.canKeep
        ? [el('div', 'plot-keep', {}, name, button('Keep', 'Keep it with the table as a gate', keep))]
        : [])
    );
  }

  showGates(
    gates: Gate[],
    colorOf: (gate: Gate) => string,
    counts: Map<string, number | string>,
    chosen: string | null
  ): void {
    const rows = gates.map(gate =>
      el(
        'div',
        'plot-gate',
        { 'data-chosen': gate.name === chosen },
        line(colorOf(gate), gate.name, counts.get(gate.name) ?? '…', () =>
          this.events.gate(gate.name === chosen ? null : gate.name)
        ),
        gate.rights.can_delete && this.canKeep
          ? el(
              'button',
              'plot-remove',
              {
                type: 'button',
                title: `Remove the gate ${gate.name}`,
                'aria-label': `Remove the gate ${gate.name}`,
                onclick: () => void this.events.remove(gate)
              },
              '×'
            )
          : null
      )
    );
    this.gates.replaceChildren(...(rows.length ? [el('h4', '', {}, 'Gates'), ...rows] : []));
  }

  showNotes(notes: string[]): void {
    this.notes.replaceChildren(...notes.map(note => el('p', 'hint', {}, note)));
  }
}

function line(color: string, text: string, count: number | string, onclick?: () => void): HTMLElement {
  const swatch = el('span', 'plot-swatch');
  swatch.style.background = color;
  const number = typeof count === 'number' ? count.toLocaleString('en') : count;
  const parts = [
    swatch,
    el('span', 'plot-text', { title: text }, text),
    el('span', 'plot-number', { title: typeof count === 'string' ? count : undefined }, number)
  ];
  return onclick
    ? el('button', 'plot-entry', { type: 'button', title: 'Show these cells', onclick }, ...parts)
    : el('div', 'plot-entry', {}, ...parts);
}
