/** The rows of a table, page by page. */
import { json, type Transport, withQuery } from '../shared/request';
import { quoted } from './values';

export const PAGE = 200;

/** Which rows, in which order. */
export interface Order {
  condition: string;
  order_by: string | null;
  descending: boolean;
}

export interface Rows {
  columns: string[];
  row_ids: number[];
  rows: unknown[][];
}

interface WithSource {
  source?: string;
}

export class Pages {
  constructor(
    private readonly transport: Transport,
    private readonly tableId: number
  ) {}

  /** The rows from `offset` on; where the row before them is known as `after`, at once. */
  async page(
    order: Order,
    columns: string[],
    offset: number,
    after: number | null,
    signal: AbortSignal,
    limit = PAGE
  ): Promise<Rows> {
    const jumps = after !== null && order.order_by === null;
    const reply = await this.transport.get(
      withQuery(this.path, {
        format: 'json',
        columns: JSON.stringify(columns),
        condition: order.condition || null,
        order_by: order.order_by,
        descending: order.order_by === null || !order.descending ? null : 'true',
        limit,
        offset: jumps ? null : offset,
        after: jumps ? after : null
      }),
      signal
    );
    return JSON.parse(new TextDecoder().decode(reply.body), exact) as Rows;
  }

  count(condition: string, signal: AbortSignal): Promise<number> {
    const path = `tables/${this.tableId}/count`;
    return json<number>(this.transport, withQuery(path, { condition: condition || null }), signal);
  }

  /** How many rows come before `row` in this order; null where that cannot be asked. */
  async placeOf(order: Order, row: number, signal: AbortSignal): Promise<number | null> {
    const before = (condition: string) =>
      this.count(order.condition ? `(${order.condition}) and ${condition}` : condition, signal);
    if (order.order_by === null) {
      return before(`row_id < ${row}`);
    }
    const name = order.order_by;
    const one = { condition: `row_id == ${row}`, order_by: null, descending: false };
    const value = (await this.page(one, [name], 0, null, signal, 1)).rows[0]?.[0];
    if (typeof value !== 'number') {
      return null;
    }
    const column = quoted(name);
    const [less, same] = await Promise.all([
      before(`${column} ${order.descending ? '>' : '<'} ${value}`),
      before(`${column} == ${value} and row_id < ${row}`)
    ]);
    return less + same;
  }

  /** All rows of this order as a file. */
  async file(order: Order, columns: string[] | null, format: 'csv' | 'parquet'): Promise<Blob> {
    const reply = await this.transport.get(
      withQuery(this.path, {
        format,
        columns: columns && JSON.stringify(columns),
        condition: order.condition || null,
        order_by: order.order_by,
        descending: order.order_by === null || !order.descending ? null : 'true'
      })
    );
    return new Blob([reply.body], { type: reply.header('Content-Type') ?? '' });
  }

  private get path(): string {
    return `tables/${this.tableId}/rows`;
  }
}

/** Integers beyond 2^53 keep their digits, as text. */
function exact(this: unknown, _: string, value: unknown, { source }: WithSource = {}): unknown {
  return typeof value === 'number' && source && Number.isInteger(value) && !Number.isSafeInteger(value)
    ? source
    : value;
}
