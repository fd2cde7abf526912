/** A table: its rows page by page, sorted and filtered, tied to the cells that viewers show. */
import { el, notice, wasAborted } from '../shared/dom';
import { type Cell, hear } from '../shared/links';
import type { Cells, Column, Table } from '../shared/records';
import { json, RequestError, type Transport } from '../shared/request';
import { Conditions, Pager } from './bars';
import { Grid } from './grid';
import { LinkedCells } from './linked';
import { type Order, PAGE, Pages, type Rows } from './pages';

// More are neither read nor drawn at once.
const MOST_COLUMNS = 40;
// About as much as a page can hold of a file.
const MOST_CELLS = 30_000_000;

/** What can be set from outside and changes inside. */
export interface State extends Order {
  /** The number of the row that is marked. */
  row: number | null;
}

/** What stays as it is: the table, and how its rows are cells where that is said. */
export interface Subject {
  repository: string;
  table_id: number;
  link_id: string;
  cells: Cells | null;
}

export class TableView {
  readonly ready: Promise<void>;
  private readonly node: HTMLElement;
  private readonly message = el('div', 'table-message', { role: 'status' }, 'Loading …');
  private readonly pages: Pages;
  private readonly undo: (() => void)[] = [];
  private abort = new AbortController();
  private table!: Table;
  private linked!: LinkedCells;
  private grid!: Grid;
  private conditions!: Conditions;
  private pager!: Pager;
  private words: string[] = [];
  private shown: Rows = { columns: [], row_ids: [], rows: [] };
  private offset = 0;
  private total = 0;
  private accepted = '';

  constructor(
    parent: HTMLElement,
    private readonly transport: Transport,
    private readonly subject: Subject,
    private readonly state: State,
    private readonly changed: (change: Partial<State>) => void,
    /** Somebody wants to see the image of a row; absent where nothing opens it. */
    private readonly openImage?: (imageId: number) => void
  ) {
    this.pages = new Pages(transport, subject.table_id);
    this.node = el('div', 'table-view', { 'data-lm-suppress-shortcuts': 'true' }, this.message);
    parent.append(this.node);
    this.ready = this.start();
  }

  /** Take over what changed outside. */
  update(change: Partial<State>): void {
    const before = { ...this.state };
    Object.assign(this.state, change);
    if (!this.table) {
      return;
    }
    if (this.state.condition !== before.condition) {
      this.conditions.show(this.state.condition);
    }
    const keys = ['condition', 'order_by', 'descending'] as const;
    if (keys.some(key => this.state[key] !== before[key])) {
      void this.load(0);
    } else if (this.state.row !== before.row) {
      this.mark();
    }
  }

  dispose(): void {
    this.abort.abort();
    this.conditions?.dispose();
    this.undo.forEach(call => call());
    this.node.remove();
  }

  private async start(): Promise<void> {
    try {
      await this.look();
      this.build();
      await this.load(0);
    } catch (error) {
      if (!wasAborted(error)) {
        this.node.replaceChildren(notice(error, () => void this.start()));
      }
    }
  }

  /** Read what the table is now. */
  private async look(): Promise<void> {
    const { signal } = this.abort;
    const path = `tables/${this.subject.table_id}`;
    const [table, cells] = await Promise.all([
      json<Table>(this.transport, path, signal),
      this.subject.cells ?? json<Cells>(this.transport, `${path}/cells`, signal)
    ]);
    this.table = table;
    const { repository, link_id } = this.subject;
    this.linked = new LinkedCells(cells, repository, link_id, this.pages);
  }

  private build(): void {
    this.conditions = new Conditions(
      condition => this.set({ condition }),
      words => {
        this.words = words.toLowerCase().split(/\s+/).filter(Boolean);
        void this.load(this.offset);
      },
      () => void this.reload()
    );
    this.pager = new Pager(
      page => void this.turn(page),
      format => void this.download(format)
    );
    this.grid = new Grid(this.table.name, {
      sort: column => this.sort(column),
      chosen: place => this.choose(place),
      opened: place => this.open(place),
      turn: by => void this.turn(Math.floor(this.offset / PAGE) + by)
    });
    this.conditions.show(this.state.condition);
    this.message.textContent = '';
    this.node.replaceChildren(this.conditions.node, this.grid.node, this.message, this.pager.node);
    this.undo.push(
      hear('clicked', cell => {
        if (cell && this.linked.has(cell)) {
          void this.find(cell);
        }
      })
    );
  }

  private async reload(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      this.fail(error);
      return;
    }
    await this.load(this.offset);
  }

  private sort(column: string): void {
    const { order_by, descending } = this.state;
    // Up, down, and as the rows came.
    this.set(
      order_by !== column
        ? { order_by: column, descending: false }
        : descending
          ? { order_by: null, descending: false }
          : { descending: true }
    );
  }

  private async turn(page: number): Promise<void> {
    const last = Math.max(0, Math.ceil(this.total / PAGE) - 1);
    if (page >= 0 && page <= last && page * PAGE !== this.offset) {
      await this.load(page * PAGE);
    }
  }

  private get fitting(): Column[] {
    const { words } = this;
    return this.table.columns.filter(
      ({ name }) => !words.length || words.some(word => name.toLowerCase().includes(word))
    );
  }

  /** Show the page that begins at `offset`. */
  private async load(offset: number): Promise<void> {
    this.abort.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    const { state, table } = this;
    const columns = this.fitting.slice(0, MOST_COLUMNS);
    const names = [...new Set([...columns.map(({ name }) => name), ...this.linked.columns])];
    const isNext = offset === this.offset + PAGE && this.shown.row_ids.length === PAGE;
    const after = isNext ? this.shown.row_ids[PAGE - 1] : null;
    this.node.setAttribute('aria-busy', 'true');
    try {
      const [rows, total] = await Promise.all([
        this.pages.page(state, names, offset, after, signal),
        state.condition ? this.pages.count(state.condition, signal) : table.rows
      ]);
      this.conditions.refuse('');
      this.accepted = state.condition;
      if (offset && offset >= total) {
        // Rows were deleted meanwhile.
        return this.load(PAGE * Math.max(0, Math.ceil(total / PAGE) - 1));
      }
      this.message.textContent = total ? '' : this.nothing();
      this.shown = rows;
      this.offset = offset;
      this.total = total;
      this.conditions.showColumns(columns.length, this.fitting.length, table.columns.length);
      this.grid.showHead(columns, state);
      this.grid.showRows(columns, rows);
      this.pager.show(offset, rows.rows.length, total, table.rows);
      this.grid.mark(rows.row_ids.indexOf(state.row ?? -1));
    } catch (error) {
      if (wasAborted(error)) {
        return;
      }
      if (error instanceof RequestError && error.status >= 400 && error.status < 500 && state.condition) {
        this.conditions.refuse(error.message);
        // The words stay where they can be mended; what is shown is what could be shown last.
        state.condition = this.accepted;
        this.changed({ condition: this.accepted });
      } else {
        this.fail(error);
      }
    }
    this.node.removeAttribute('aria-busy');
  }

  private nothing(): string {
    return this.state.condition ? 'No row meets the condition.' : 'The table has no rows yet.';
  }

  /** Mark a row, and let viewers show its cell. */
  private choose(place: number): void {
    this.set({ row: this.shown.row_ids[place] });
    this.linked.look(this.shown, place);
  }

  private open(place: number): void {
    const imageId = this.linked.imageOf(this.shown, place);
    if (imageId !== null) {
      this.openImage?.(imageId);
    }
  }

  /** Find the row of a cell, and mark it. */
  private async find(cell: Cell): Promise<void> {
    try {
      this.set({ row: await this.linked.rowOf(cell, this.abort.signal) });
    } catch (error) {
      if (!wasAborted(error)) {
        this.fail(error);
      }
    }
  }

  /** Mark the row of the state; the page that it is on is shown. */
  private mark(): void {
    const { row } = this.state;
    const place = this.shown.row_ids.indexOf(row ?? -1);
    this.grid.mark(place, true);
    this.message.textContent = '';
    if (row !== null && place < 0) {
      void this.goTo(row).catch(error => wasAborted(error) || this.fail(error));
    }
  }

  private async goTo(row: number): Promise<void> {
    const { signal } = this.abort;
    const { condition, order_by } = this.state;
    const only = condition ? `(${condition}) and row_id == ${row}` : `row_id == ${row}`;
    if (!(await this.pages.count(only, signal))) {
      this.message.textContent = `Row ${row} is not among those that are shown.`;
      return;
    }
    const place = await this.pages.placeOf(this.state, row, signal);
    if (place === null && order_by !== null) {
      this.set({ order_by: null, descending: false });
      return this.goTo(row);
    }
    await this.load(PAGE * Math.floor((place ?? 0) / PAGE));
    this.grid.mark(this.shown.row_ids.indexOf(row), true);
  }

  private async download(format: 'csv' | 'parquet'): Promise<void> {
    const { table, words } = this;
    const columns = words.length ? this.fitting.map(({ name }) => name) : null;
    if (this.total * (columns ?? table.columns).length > MOST_CELLS) {
      this.message.textContent =
        `This is more than a page can hold: in a notebook, table.download("${table.name}.${format}") ` +
        'writes it to a file. Or choose rows by a condition, and columns by their names.';
      return;
    }
    this.pager.wait(true);
    try {
      const url = URL.createObjectURL(await this.pages.file(this.state, columns, format));
      el('a', '', { href: url, download: `${table.name}.${format}` }).click();
      window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (error) {
      this.fail(error);
    } finally {
      this.pager.wait(false);
    }
  }

  private set(change: Partial<State>): void {
    this.update(change);
    this.changed(change);
  }

  private fail(error: unknown): void {
    this.message.replaceChildren(notice(error, () => void this.reload()));
  }
}
