/** Where an object of a label image lies. */
import type { Image, Labels } from '../shared/records';
import { type Transport, withQuery } from '../shared/request';
import { planesOf } from './decode';
import { scaleOf, TILE } from './geometry';
import type { Plane } from './planes';

const MOST_TILES = 64;

export interface Place {
  x: number;
  y: number;
  /** Of the square that it would fill, in pixels of level 0. */
  side: number;
}

/**
 * The middle of object `value` in pixels of level 0, null where it is not found.
 *
 * The coarsest level is one tile; a small object is perhaps only in a finer one, which is looked
 * at while that takes no more than some tiles.
 */
export async function findObject(
  transport: Transport,
  labels: Labels,
  image: Image,
  plane: Plane,
  value: number,
  signal: AbortSignal
): Promise<Place | null> {
  const t = Math.min(plane.t, labels.size_t - 1);
  const z = Math.min(plane.z, labels.size_z - 1);
  const { levels } = image;
  for (let level = levels.length - 1; level >= 0; level--) {
    const rows = Math.ceil(levels[level].height / TILE);
    const columns = Math.ceil(levels[level].width / TILE);
    if (rows * columns > MOST_TILES) {
      return null;
    }
    const tiles = Array.from({ length: rows * columns }, async (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const path = `labels/${labels.id}/raw/${level}/${t}/${z}/${row}/${column}`;
      const { values, width } = planesOf(
        await transport.get(withQuery(path, { size: TILE }), signal)
      );
      const sum = { count: 0, x: 0, y: 0 };
      for (let k = 0; k < values.length; k++) {
        if (Number(values[k]) === value) {
          sum.count++;
          sum.x += column * TILE + (k % width) + 0.5;
          sum.y += row * TILE + Math.floor(k / width) + 0.5;
        }
      }
      return sum;
    });
    const sums = await Promise.all(tiles);
    const count = sums.reduce((all, each) => all + each.count, 0);
    if (count) {
      const scale = scaleOf(image, level);
      return {
        x: (scale * sums.reduce((all, each) => all + each.x, 0)) / count,
        y: (scale * sums.reduce((all, each) => all + each.y, 0)) / count,
        side: scale * Math.sqrt(count)
      };
    }
  }
  return null;
}
