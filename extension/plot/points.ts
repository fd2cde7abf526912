/** The rows of a table as points on two axes. */
import { type Coloring, colored } from './colors';
import { type Column, type Values, placeOf } from './columns';
import { Scale } from './scales';
import type { Axes } from './shapes';
import type { Choice } from './side';

/** Which columns tell a row's cell: a row belongs to `image`, or to the image in a column. */
export interface Cells {
  image_id: number | null;
  image_column: string;
  label_column: string;
  labels_id: number | null;
  labels_name: string;
}

export class Points {
  readonly axes: Axes;
  readonly coloring: Coloring | null;
  /** Of each point: its place among the rows, and where it is drawn. */
  readonly places: Int32Array;
  readonly across: Float32Array;
  readonly up: Float32Array;
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  readonly rows: number;
  readonly missing: number;
  readonly unlogged: number;
  private readonly ids: Values;
  private readonly pointAt: Int32Array;

  constructor(
    private readonly columns: Column[],
    readonly choice: Choice,
    private readonly cells: Cells
  ) {
    const [x, y] = [this.column(choice.x)!.values, this.column(choice.y)!.values];
    this.ids = columns[0].values;
    this.rows = this.ids.length;
    const places: number[] = [];
    let missing = 0;
    let unlogged = 0;
    for (let i = 0; i < this.rows; i++) {
      if (!Number.isFinite(x[i]) || !Number.isFinite(y[i])) {
        missing++;
      } else if ((choice.log_x && x[i] <= 0) || (choice.log_y && y[i] <= 0)) {
        unlogged++;
      } else {
        places.push(i);
      }
    }
    this.missing = missing;
    this.unlogged = unlogged;
    this.places = Int32Array.from(places);
    this.xs = Float64Array.from(this.places, i => x[i]);
    this.ys = Float64Array.from(this.places, i => y[i]);
    const across = new Scale(this.xs, choice.log_x);
    const up = new Scale(this.ys, choice.log_y);
    this.axes = { x: choice.x, y: choice.y, across, up };
    this.across = Float32Array.from(this.xs, value => across.place(value));
    this.up = Float32Array.from(this.ys, value => up.place(value));
    const color = choice.color === null ? undefined : this.column(choice.color);
    this.coloring = color ? colored(color, this.places) : null;
    this.pointAt = new Int32Array(this.rows).fill(-1);
    this.places.forEach((place, point) => (this.pointAt[place] = point));
  }

  get length(): number {
    return this.places.length;
  }

  rowOf(point: number): number {
    return this.ids[this.places[point]];
  }

  /** The point of row `id`; -1 where it has none. */
  pointOf(id: number): number {
    const place = placeOf(this.ids, id);
    return place < 0 ? -1 : this.pointAt[place];
  }

  placeOf(id: number): number {
    return placeOf(this.ids, id);
  }

  /** The points of rows, ascending. */
  pointsOf(ids: Values): number[] {
    return Array.from(ids, id => this.pointOf(id))
      .filter(point => point >= 0)
      .sort((a, b) => a - b);
  }

  /** The point nearest to a place, within `reach` of it; -1 where there is none. */
  nearest([x, y]: [number, number], reach: [number, number]): number {
    let found = -1;
    let least = 1;
    for (let i = 0; i < this.across.length; i++) {
      const distance =
        ((this.across[i] - x) / reach[0]) ** 2 + ((this.up[i] - y) / reach[1]) ** 2;
      if (distance < least) {
        [found, least] = [i, distance];
      }
    }
    return found;
  }

  /** The image and the number of a row's object; null where the table does not say. */
  cellOf(place: number): { imageId: number; value: number } | null {
    const label = this.column(this.cells.label_column);
    const image = this.column(this.cells.image_column);
    const imageId = image ? image.values[place] : this.cells.image_id;
    const value = label?.values[place];
    return imageId && value !== undefined && value > 0 ? { imageId, value } : null;
  }

  /** The row of a cell; -1 where there is none. */
  rowWith(imageId: number, value: number): number {
    const label = this.column(this.cells.label_column)?.values;
    const image = this.column(this.cells.image_column)?.values;
    if (!label || (!image && imageId !== this.cells.image_id)) {
      return -1;
    }
    for (let i = 0; i < label.length; i++) {
      if (label[i] === value && (!image || image[i] === imageId)) {
        return this.ids[i];
      }
    }
    return -1;
  }

  /** The numbers of the objects that points stand for, by image. */
  objectsOf(points: number[]): Map<number, number[]> {
    const found = new Map<number, number[]>();
    for (const point of points) {
      const cell = this.cellOf(this.places[point]);
      if (cell) {
        const known = found.get(cell.imageId);
        if (known) {
          known.push(cell.value);
        } else {
          found.set(cell.imageId, [cell.value]);
        }
      }
    }
    return found;
  }

  /** What a row says, for people: names and values. */
  factsOf(place: number, text: (column: Column, value: number) => string): [string, string][] {
    return this.columns.map(column => [
      column === this.columns[0] ? 'row' : column.name,
      text(column, column.values[place])
    ]);
  }

  private column(name: string | null): Column | undefined {
    return name ? this.columns.slice(1).find(each => each.name === name) : undefined;
  }
}
