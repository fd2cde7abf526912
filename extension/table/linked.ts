/** The rows of a table as the cells that viewers show. */
import { type Cell, isSame, tell } from '../shared/links';
import type { Cells } from '../shared/records';
import type { Pages, Rows } from './pages';
import { quoted } from './values';

export class LinkedCells {
  constructor(
    private readonly cells: Cells,
    private readonly repository: string,
    private readonly link: string,
    private readonly pages: Pages
  ) {}

  /** The columns that say which cell a row is. */
  get columns(): string[] {
    return [this.cells.label_column, this.cells.image_column].filter(Boolean);
  }

  /** Let viewers show the cell of a row. */
  look(rows: Rows, place: number): void {
    const { labels_id: labelsId, labels_name: name, label_column: label } = this.cells;
    const imageId = this.imageOf(rows, place);
    const value = valueOf(rows, place, label);
    if (imageId !== null && value !== null) {
      const { repository, link } = this;
      tell('look', { repository, imageId, labelsId, name, value, link });
    }
  }

  imageOf(rows: Rows, place: number): number | null {
    return this.cells.image_id ?? valueOf(rows, place, this.cells.image_column);
  }

  /** Whether a cell of a viewer can have a row here. */
  has(cell: Cell): boolean {
    const { image_id, labels_id: labelsId, labels_name: name, label_column: label } = this.cells;
    const imageId = image_id ?? cell.imageId;
    return !!label && isSame(cell, { repository: this.repository, imageId, labelsId, name });
  }

  /** The row of a cell; null where it has none. */
  async rowOf({ imageId, value }: Cell, signal: AbortSignal): Promise<number | null> {
    const { label_column: label, image_column: image } = this.cells;
    const here = image ? ` and ${quoted(image)} == ${imageId}` : '';
    const condition = `${quoted(label)} == ${value}${here}`;
    const one = { condition, order_by: null, descending: false };
    const { row_ids } = await this.pages.page(one, [label], 0, null, signal, 1);
    return row_ids[0] ?? null;
  }
}

function valueOf({ columns, rows }: Rows, place: number, column: string): number | null {
  const value = rows[place]?.[columns.indexOf(column)];
  return typeof value === 'number' ? value : null;
}
