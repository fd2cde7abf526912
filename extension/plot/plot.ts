/** The plot of a table: its points, what is selected among them, and the cells that they are. */
import { el, notice, shown as number, wasAborted } from '../shared/dom';
import { hear, isSame, pick, tell } from '../shared/links';
import { json, type Transport, withQuery } from '../shared/request';
import { gateColor, type Rgb, rgbOf } from './colors';
import { type Column, columnsOf } from './columns';
import { Frame, type Outline, type Tool } from './frame';
import { announce } from './hooks';
import { type Cells, Points } from './points';
import { Scatter, type Theme } from './scatter';
import { insideOf, outlineOf, type Shape } from './shapes';
import { type Choice, type Gate, Side, type TableColumn } from './side';

const SELECTED = 'ff7f0e';
const REACH_PX = 8;

/** What can be set from outside and changes inside. */
export interface State extends Choice {
  tool: Tool;
  /** What was drawn last, until it is cleared. */
  shape: Shape | null;
  /** The name of the gate whose rows are selected. */
  gate: string | null;
  /** The id of the row that is marked. */
  row: number | null;
}

/** What stays as it is: the table, how its rows are cells, which rows are plotted. */
export interface Subject extends Cells {
  repository: string;
  table_id: number;
  condition: string | null;
  link_id: string;
}

interface Table {
  id: number;
  name: string;
  rows: number;
  columns: TableColumn[];
}

let nextPlot = 1;

export class TablePlot {
  private readonly id = `plot ${nextPlot++}`;
  private readonly node: HTMLElement;
  private readonly frame: Frame;
  private readonly message = el('div', 'message', { role: 'status' }, 'Loading …');
  private readonly facts = el('div', 'plot-facts', { hidden: true });
  private readonly undo: (() => void)[] = [];
  private readonly counts = new Map<string, number | string>();
  private side!: Side;
  private table!: Table;
  private gates: Gate[] = [];
  private points: Points | null = null;
  private scatter: Scatter | null = null;
  private selected: number[] = [];
  private abort = new AbortController();
  private whenDrawn: Promise<void>;
  private isDisposed = false;

  constructor(
    parent: HTMLElement,
    private readonly transport: Transport,
    private readonly subject: Subject,
    private readonly state: State,
    private readonly changed: (change: Partial<State>) => void
  ) {
    this.frame = new Frame(
      (tool, corners) => this.draw(tool, corners),
      place => this.clickAt(place)
    );
    this.node = el('div', 'plot', {
      tabindex: 0,
      'data-lm-suppress-shortcuts': 'true',
      onkeydown: this.keydown
    });
    this.node.addEventListener('wheel', this.wheel, { capture: true });
    this.node.append(this.message);
    parent.append(this.node);
    this.whenDrawn = this.start();
    this.undo.push(
      announce({
        ready: () => this.whenDrawn,
        pixelOf: row => this.pixelOf(row),
        selected: () => this.selected.map(point => this.points!.rowOf(point))
      })
    );
  }

  /** Take over what changed outside. */
  update(change: Partial<State>): void {
    const before = { ...this.state };
    Object.assign(this.state, change);
    if (!this.table) {
      return;
    }
    const keys = ['x', 'y', 'color', 'log_x', 'log_y'] as const;
    if (keys.some(key => this.state[key] !== before[key])) {
      this.side.showColumns(this.table.columns, this.state);
      this.whenDrawn = this.load();
      return;
    }
    if ('tool' in change) {
      this.frame.use(this.state.tool);
      this.side.showTool(this.state.tool);
    }
    if ('shape' in change || 'gate' in change) {
      void this.reselect();
    }
    if ('row' in change) {
      this.showRow();
    }
  }

  /** Read the gates again. */
  async reload(): Promise<void> {
    this.gates = await json<Gate[]>(this.transport, `tables/${this.table.id}/gates`);
    this.showGates();
    await this.count();
    this.showGates();
  }

  dispose(): void {
    this.isDisposed = true;
    this.abort.abort();
    this.undo.forEach(call => call());
    pick(this.id, null);
    this.scatter?.dispose();
    this.node.remove();
  }

  private async start(): Promise<void> {
    try {
      const path = `tables/${this.subject.table_id}`;
      const { signal } = this.abort;
      [this.table, this.gates] = await Promise.all([
        json<Table>(this.transport, path, signal),
        json<Gate[]>(this.transport, `${path}/gates`, signal)
      ]);
      this.build();
    } catch (error) {
      this.fail(error, () => (this.whenDrawn = this.start()));
      return;
    }
    await this.load();
    await this.count();
    this.showGates();
  }

  private build(): void {
    this.side = new Side(
      this.table.name,
      this.transport.canWrite,
      {
        chosen: change => {
          this.update(change);
          this.changed(change);
        },
        gate: gate => this.set({ gate, shape: null }),
        keep: name => this.keep(name),
        remove: gate => this.remove(gate),
        tool: tool => this.set({ tool }),
        clear: () => this.set({ gate: null, shape: null, row: null })
      },
      {
        in: () => this.scatter?.zoom(1.5),
        out: () => this.scatter?.zoom(1 / 1.5),
        fit: () => this.scatter?.fit()
      }
    );
    this.frame.node.append(this.message);
    this.node.replaceChildren(
      el('div', 'plot-stage', {}, this.side.tools, this.frame.node, this.facts),
      this.side.node
    );
    this.side.showColumns(this.table.columns, this.state);
    this.side.showTool(this.state.tool);
    this.frame.use(this.state.tool);
    const observer = new ResizeObserver(() => {
      void this.scatter?.resize();
      this.frame.redraw();
    });
    observer.observe(this.frame.host);
    // JupyterLab changes its theme by an attribute of the body.
    const theme = new MutationObserver(() => {
      void this.scatter?.paint(this.theme(), this.points?.coloring ?? null);
    });
    theme.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-name', 'class'] });
    this.undo.push(
      () => observer.disconnect(),
      () => theme.disconnect(),
      hear('clicked', cell => {
        const { repository, labels_id: labelsId, labels_name: name } = this.subject;
        const imageId = this.subject.image_id ?? cell?.imageId ?? 0;
        if (cell && this.points && isSame(cell, { repository, imageId, labelsId, name })) {
          const row = this.points.rowWith(cell.imageId, cell.value);
          this.set({ row: row < 0 ? null : row });
        }
      })
    );
  }

  /** Fetch the columns that are wanted now, and draw them. */
  private async load(): Promise<void> {
    this.abort.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    const { x, y, color } = this.state;
    const { image_column: image, label_column: label } = this.subject;
    const wanted = [...new Set([x, y, color, label, image])].filter(Boolean);
    const rows = this.table.rows.toLocaleString('en');
    this.message.textContent = `Loading ${rows} rows …`;
    try {
      const reply = await this.transport.get(
        withQuery(`tables/${this.table.id}/rows`, {
          format: 'columns',
          columns: JSON.stringify(wanted),
          condition: this.subject.condition || null
        }),
        signal
      );
      this.points = new Points(columnsOf(reply.body), { ...this.state }, this.subject);
      await this.show();
      this.message.replaceChildren(...this.nothing());
    } catch (error) {
      if (!wasAborted(error) && !this.isDisposed) {
        this.fail(error, () => (this.whenDrawn = this.load()));
      }
    }
  }

  private async show(): Promise<void> {
    const points = this.points!;
    this.scatter?.dispose();
    const theme = this.theme();
    this.scatter = new Scatter(this.frame.host, theme, points.length, {
      viewed: (x, y) => this.frame.look(x, y),
      hovered: point => this.hover(point),
      clicked: point => this.set({ row: points.rowOf(point) }, true)
    });
    const { across, up } = points.axes;
    this.frame.label(across, up, this.nameOf(points.choice.x), this.nameOf(points.choice.y));
    this.side.showLegend(points.coloring, points.choice.color);
    this.side.showNotes(this.notes());
    await this.scatter.draw(points.across, points.up, points.coloring, theme);
    await this.reselect();
    this.showRow();
    this.showGates();
  }

  private nothing(): HTMLElement[] {
    const points = this.points!;
    if (points.length) {
      return [];
    }
    const { x, y } = points.choice;
    const why = !points.rows
      ? this.subject.condition
        ? `No row meets the condition ${this.subject.condition}: plot with another one.`
        : 'The table has no rows yet: append some, and run the cell again.'
      : points.unlogged
        ? 'No value is above 0: switch the logarithmic axis off.'
        : `No row has a value of both ${x} and ${y}: choose other columns.`;
    return [el('p', 'hint', {}, why)];
  }

  private notes(): string[] {
    const { rows, missing, unlogged, length } = this.points!;
    const many = (count: number, what: string) => `${count.toLocaleString('en')} ${what}`;
    return [
      `${length.toLocaleString('en')} of ${many(rows, rows === 1 ? 'row' : 'rows')}`,
      ...(missing ? [many(missing, 'without a value left out')] : []),
      ...(unlogged ? [many(unlogged, 'at 0 or below, which have no logarithm, left out')] : []),
      ...(this.subject.condition ? [`where ${this.subject.condition}`] : [])
    ];
  }

  /** Change the state from within; with `looks`, viewers are shown the cell of the row. */
  private set(change: Partial<State>, looks = false): void {
    this.update(change);
    this.changed(change);
    if (looks && change.row != null) {
      const cell = this.points!.cellOf(this.points!.placeOf(change.row));
      if (cell) {
        const { repository, labels_id: labelsId, labels_name: name, link_id: link } = this.subject;
        tell('look', { repository, ...cell, labelsId, name, link });
      }
    }
  }

  private draw(tool: Tool, corners: [number, number][]): void {
    if (!this.points) {
      return;
    }
    const { across, up, x, y } = this.points.axes;
    const points = corners.map(([px, py]): [number, number] => [
      short(across.value(px), across.value(-1), across.value(1)),
      short(up.value(py), up.value(-1), up.value(1))
    ]);
    const [xs, ys] = [points.map(each => each[0]), points.map(each => each[1])];
    const [x_low, x_high] = [Math.min(...xs), Math.max(...xs)];
    const shape: Shape =
      tool === 'range'
        ? { kind: 'range', x, low: x_low, high: x_high }
        : tool === 'rectangle'
          ? { kind: 'rectangle', x, y, x_low, x_high, y_low: Math.min(...ys), y_high: Math.max(...ys) }
          : { kind: 'polygon', x, y, points, log_x: across.isLog, log_y: up.isLog };
    this.set({ shape, gate: null });
  }

  /** Select what is drawn, or what the chosen gate holds. */
  private async reselect(): Promise<void> {
    const points = this.points;
    const { shape, gate } = this.state;
    if (!points || !this.scatter) {
      return;
    }
    let found: number[] | null = null;
    if (shape && outlineOf(shape, points.axes)) {
      found = insideOf(shape, points.axes, points.xs, points.ys);
    } else if (gate !== null) {
      try {
        found = await this.rowsOf(gate);
      } catch (error) {
        this.fail(error, () => void this.reselect());
      }
    }
    if (this.points !== points || this.state.gate !== gate || this.state.shape !== shape) {
      return;
    }
    this.selected = found ?? [];
    this.scatter.select(this.selected);
    this.outline();
    this.side.showSelection(found ? found.length : null, shape !== null);
    this.showGates();
    this.publish(found);
  }

  private async rowsOf(gate: string): Promise<number[]> {
    const reply = await this.transport.get(
      withQuery(`tables/${this.table.id}/rows`, {
        format: 'columns',
        columns: JSON.stringify([this.points!.choice.x]),
        condition: this.within(gate)
      })
    );
    return this.points!.pointsOf(columnsOf(reply.body)[0].values);
  }

  private within(gate: string): string {
    const named = `gate("${gate.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}")`;
    return this.subject.condition ? `(${this.subject.condition}) and ${named}` : named;
  }

  /** Tell the viewers on the page which cells are selected. */
  private publish(found: number[] | null): void {
    if (!found) {
      pick(this.id, null);
      return;
    }
    const objects = this.points!.objectsOf(found);
    const { repository, labels_id: labelsId, labels_name: name } = this.subject;
    const gate = this.gates.find(each => each.name === this.state.gate);
    const color = parseInt(gate ? this.colorOf(gate).slice(1) : SELECTED, 16);
    const many = this.subject.image_id === null;
    pick(this.id, labels => {
      const imageId = this.subject.image_id ?? labels.imageId;
      if (!isSame(labels, { repository, imageId, labelsId, name })) {
        return null;
      }
      const values = objects.get(many ? labels.imageId : imageId) ?? [];
      return new Map(values.map(value => [value, color]));
    });
  }

  private outline(): void {
    const { axes } = this.points!;
    const outlines: Outline[] = [];
    for (const gate of this.gates) {
      const points = outlineOf(gate.shape, axes);
      if (points) {
        outlines.push({ points, color: this.colorOf(gate), isDrawn: gate.name === this.state.gate });
      }
    }
    const drawn = this.state.shape && outlineOf(this.state.shape, axes);
    if (drawn) {
      outlines.push({ points: drawn, color: `#${SELECTED}`, isDrawn: true });
    }
    this.frame.outline(outlines);
  }

  private readonly colorOf = (gate: Gate): string =>
    `#${gate.color || gateColor(this.gates.indexOf(gate))}`;

  private showGates(): void {
    this.side.showGates(this.gates, this.colorOf, this.counts, this.state.gate);
    if (this.points) {
      this.outline();
    }
  }

  private async count(): Promise<void> {
    await Promise.all(
      this.gates.map(async ({ name }) => {
        const path = withQuery(`tables/${this.table.id}/count`, { condition: this.within(name) });
        try {
          this.counts.set(name, await json<number>(this.transport, path));
        } catch (error) {
          // Its column may be gone: that one gate says so, and the others count.
          this.counts.set(name, error instanceof Error ? `? ${error.message}` : '?');
        }
      })
    );
  }

  private async keep(name: string): Promise<void> {
    const { shape } = this.state;
    const color = gateColor(this.gates.length);
    try {
      await this.transport.put(`tables/${this.table.id}/gates`, { name, shape, color });
      await this.reload();
      this.set({ gate: name, shape: null });
    } catch (error) {
      this.fail(error, () => void this.keep(name));
    }
  }

  private async remove(gate: Gate): Promise<void> {
    try {
      await this.transport.remove(`gates/${gate.id}`);
      if (this.state.gate === gate.name) {
        this.set({ gate: null });
      }
      await this.reload();
    } catch (error) {
      this.fail(error, () => void this.remove(gate));
    }
  }

  private hover(point: number | null): void {
    const points = this.points;
    if (point === null || !points) {
      this.frame.tell(null, []);
      return;
    }
    const facts = points.factsOf(points.places[point], this.text);
    this.frame.tell(
      [points.across[point], points.up[point]],
      facts.map(([name, value]) => `${name}  ${value}`)
    );
  }

  private clickAt(place: [number, number]): void {
    const { width, height } = this.frame.size;
    const [zero, one] = [this.frame.pixel([0, 0]), this.frame.pixel([1, 1])];
    const reach: [number, number] = [
      REACH_PX / Math.max(1e-9, (one[0] - zero[0]) || width),
      REACH_PX / Math.max(1e-9, (zero[1] - one[1]) || height)
    ];
    const point = this.points?.nearest(place, reach) ?? -1;
    this.set({ row: point < 0 ? null : this.points!.rowOf(point) }, true);
  }

  /** Show what the marked row says, and where its point is. */
  private showRow(): void {
    const { row } = this.state;
    const points = this.points;
    const place = row === null || !points ? -1 : points.placeOf(row);
    const point = row === null || !points ? -1 : points.pointOf(row);
    this.frame.mark(point < 0 ? null : [points!.across[point], points!.up[point]]);
    this.facts.hidden = place < 0;
    if (place >= 0) {
      const cell = points!.cellOf(place);
      const facts = points!.factsOf(place, this.text);
      this.facts.replaceChildren(
        ...facts.map(([name, value]) =>
          el('span', 'plot-fact', {}, el('span', 'plot-fact-name', {}, name), value)
        ),
        ...(point < 0 ? [el('span', 'hint', {}, 'not in the plot')] : []),
        ...(cell && this.subject.image_id === null
          ? [el('span', 'hint', {}, `image ${cell.imageId}`)]
          : [])
      );
    }
  }

  private readonly text = (column: Column, value: number): string => {
    if (column.words) {
      return value < 0 ? 'no value' : (column.words[value] ?? 'rare');
    }
    const kind = this.table.columns.find(({ name }) => name === column.name)?.kind;
    if (!Number.isFinite(value)) {
      return 'no value';
    }
    return kind === 'timestamp' ? new Date(value).toISOString().replace('.000Z', 'Z') : number(value);
  };

  private nameOf(name: string): string {
    const unit = this.table.columns.find(each => each.name === name)?.unit;
    return unit ? `${name} (${unit})` : name;
  }

  private pixelOf(row: number): [number, number] | null {
    const point = this.points?.pointOf(row) ?? -1;
    if (point < 0) {
      return null;
    }
    const [x, y] = this.frame.pixel([this.points!.across[point], this.points!.up[point]]);
    const box = this.frame.host.getBoundingClientRect();
    return [box.left + x, box.top + y];
  }

  /** The page's colours as they are now. */
  private theme(): Theme {
    const style = getComputedStyle(this.frame.node);
    return {
      back: rgb(style.backgroundColor),
      point: rgb(style.outlineColor),
      selected: rgbOf(SELECTED),
      hover: rgb(style.color)
    };
  }

  private fail(error: unknown, retry: () => void): void {
    if (wasAborted(error) || this.isDisposed) {
      return;
    }
    this.message.replaceChildren(
      notice(error, () => {
        this.message.replaceChildren();
        retry();
      })
    );
  }

  // A notebook that scrolls past the plot must not be caught by it.
  private readonly wheel = (event: WheelEvent): void => {
    if (!this.node.contains(document.activeElement) && !event.ctrlKey) {
      event.stopPropagation();
    }
  };

  private readonly keydown = (event: KeyboardEvent): void => {
    if ((event.target as HTMLElement).closest('input, select')) {
      return;
    }
    const act: Record<string, () => void> = {
      Escape: () => this.set({ gate: null, shape: null, row: null }),
      f: () => this.scatter?.fit()
    };
    if (act[event.key] && !event.ctrlKey && !event.metaKey) {
      act[event.key]();
      event.preventDefault();
      event.stopPropagation();
    }
  };
}

/** A value with as many digits as can be told apart on the axis. */
function short(value: number, low: number, high: number): number {
  const digits = Math.ceil(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / Math.abs(high - low)));
  const needed = Number.isFinite(digits) ? Math.max(6, digits + 6) : 15;
  return Number(value.toPrecision(Math.min(17, needed)));
}

function rgb(color: string): Rgb {
  const numbers = color.match(/[\d.]+/g)?.map(Number) ?? [];
  const [r, g, b] = numbers;
  return color.startsWith('color(')
    ? [r ?? 0, g ?? 0, b ?? 0]
    : [(r ?? 0) / 255, (g ?? 0) / 255, (b ?? 0) / 255];
}
