/** A source of tiles under a key: the plane that they belong to. */
import DataTileSource from 'ol/source/DataTile';

import { wasAborted } from '../shared/dom';
import { type Geometry, TILE } from './geometry';

export type Load = (
  level: number,
  row: number,
  column: number,
  signal: AbortSignal
) => Promise<Uint8Array | Float32Array>;

export class TileSource extends DataTileSource {
  constructor(
    private readonly geometry: Geometry,
    bandCount: number,
    private readonly failed: (error: unknown) => void
  ) {
    super({
      bandCount,
      projection: geometry.projection,
      tileGrid: geometry.grid,
      tileSize: TILE,
      interpolate: false,
      transition: 0,
      wrapX: false
    });
  }

  /**
   * Show the tiles of `key`, which `load` fetches; those shown now stay until these are there.
   *
   * A tile takes the loader that is set when it is made: one that waits in the queue while the
   * plane changes still loads what its key says.
   */
  show(key: string, load: Load): void {
    this.setLoader(async (z, x, y, { signal }) => {
      try {
        return await load(this.geometry.levelOf(z), y, x, signal);
      } catch (error) {
        if (!wasAborted(error)) {
          this.failed(error);
        }
        throw error;
      }
    });
    this.setKey(key);
  }
}
