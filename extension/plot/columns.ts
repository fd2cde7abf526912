/** A table's rows as the server sends them to a plot: columns of plain numbers. */
import { RequestError } from '../shared/request';

export type Values = Float32Array | Float64Array | Int32Array;

/** `words` are what the values of a column of texts or truth values point to; -1 is none. */
export interface Column {
  name: string;
  values: Values;
  words: string[] | null;
}

interface Described {
  name: string;
  dtype: 'float32' | 'float64' | 'int32';
  offset: number;
  words?: string[];
}

const TYPES = { float32: Float32Array, float64: Float64Array, int32: Int32Array };

/** The columns in a body, the permanent row ids first. */
export function columnsOf(body: ArrayBuffer): Column[] {
  try {
    const length = new DataView(body).getUint32(0, true);
    const text = new TextDecoder().decode(new Uint8Array(body, 4, length));
    const { rows, columns } = JSON.parse(text) as { rows: number; columns: Described[] };
    return columns.map(({ name, dtype, offset, words }) => ({
      name,
      values: new TYPES[dtype](body, 4 + length + offset, rows),
      words: words ?? null
    }));
  } catch {
    throw new RequestError(0, 'Unreadable', 'The server sent no whole table: try again.');
  }
}

/** The place of row `id` among ascending `ids`; -1 where it is none of them. */
export function placeOf(ids: Values, id: number): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle] < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return ids[low] === id ? low : -1;
}
