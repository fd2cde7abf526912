/** The layer of the image itself: raw tiles mixed here, or pictures that the server drew. */
import WebGLTileLayer from 'ol/layer/WebGLTile';

import type { Image, Projection, Settings } from '../shared/records';
import { type Transport, withQuery } from '../shared/request';
import { NOT_A_NUMBER, planesOf, shortDtype, textureOf } from './decode';
import { type Geometry, TILE } from './geometry';
import { structureOf, styleOf, variablesOf } from './mixing';
import { isSameProjection, projectedDtype } from './project';
import { TileSource } from './tiles';

// All channels come in one answer up to here; of more, only those that were switched on.
const MOST_CHANNELS = 8;
// Above this many pixels a picture is fetched as JPEG, which is ten times smaller than PNG.
const LOSSLESS_PIXELS = 2048 * 2048;

export interface Plane {
  z: number;
  t: number;
}

export class PlaneLayer {
  layer: WebGLTileLayer;
  private source: TileSource;
  private loaded: number[];
  private structure = '';
  private attempt = 0;

  constructor(
    private readonly transport: Transport,
    private readonly image: Image,
    private readonly geometry: Geometry,
    private settings: Settings,
    private plane: Plane,
    private projection: Projection | null,
    private readonly failed: (error: unknown) => void
  ) {
    const active = settings.channels.flatMap((each, c) => (each.active ? [c] : []));
    this.loaded =
      image.sizes.c <= MOST_CHANNELS ? settings.channels.map((_, c) => c) : active.slice(0, 16);
    if (!this.loaded.length) {
      this.loaded = [0];
    }
    this.source = this.makeSource();
    this.layer = new WebGLTileLayer({
      extent: geometry.extent,
      source: this.source,
      style: this.style(),
      cacheSize: 256
    });
  }

  /** Whether the server draws: colours, lookup tables, and numbers that no texture holds. */
  get isPicture(): boolean {
    const { settings } = this;
    const usesTables = settings.channels.some(each => each.active && each.lut);
    return (
      settings.is_rgb ||
      (usesTables && !settings.greyscale) ||
      this.image.dtype.startsWith('complex')
    );
  }

  /** The type of the pixels that tiles hold. */
  private get dtype(): string {
    return projectedDtype(this.projection?.method, this.image.dtype);
  }

  /** Tiles of one kind only can be in one source. */
  private get kind(): string {
    return this.isPicture ? 'picture' : this.dtype;
  }

  /**
   * Draw as `settings` say, and what `projection` makes of the planes; beyond another projection,
   * only a channel that was never fetched costs a request.
   */
  update(settings: Settings, projection: Projection | null): void {
    const before = this.kind;
    const isAnother = !isSameProjection(projection, this.projection);
    this.settings = settings;
    this.projection = projection;
    const missing = settings.channels.flatMap((each, c) =>
      each.active && !this.loaded.includes(c) ? [c] : []
    );
    if (this.kind !== before || (missing.length && !this.isPicture)) {
      this.loaded = [...this.loaded.filter(c => settings.channels[c].active), ...missing];
      this.source.dispose();
      this.source = this.makeSource();
      this.layer.setSource(this.source);
      this.layer.setStyle(this.style());
      return;
    }
    if (this.isPicture || isAnother) {
      this.turn();
    }
    if (this.isPicture) {
      return;
    }
    if (structureOf(settings, this.loaded) !== this.structure) {
      this.layer.setStyle(this.style());
    } else {
      this.layer.updateStyleVariables(variablesOf(settings, this.loaded, this.dtype));
    }
  }

  /** Another plane; the tiles of this one stay until those of the other are there. */
  show(plane: Plane): void {
    this.plane = plane;
    this.turn();
  }

  retry(): void {
    this.attempt++;
    this.turn();
  }

  /** The values under a pixel of the map with their channels; null where none is loaded. */
  valuesAt(pixel: number[]): { channel: number; value: number }[] | null {
    const found = this.layer.getData(pixel);
    if (!found || found instanceof DataView || (this.isPicture && !this.settings.is_rgb)) {
      return null;
    }
    const channels = this.isPicture ? [0, 1, 2] : this.loaded;
    return channels.map((channel, i) => ({
      channel,
      value: found[i] === NOT_A_NUMBER ? NaN : found[i]
    }));
  }

  dispose(): void {
    this.layer.dispose();
    this.source.dispose();
  }

  private turn(): void {
    const { projection } = this;
    // The axis that is projected has no plane of its own.
    const t = projection?.axis === 't' ? 0 : this.plane.t;
    const z = projection?.axis === 'z' ? 0 : this.plane.z;
    const drawn = this.isPicture ? JSON.stringify(this.settings) : '';
    const fetch = this.isPicture ? this.picture : projection ? this.projected : this.raw;
    const made = projection ? JSON.stringify(projection) : '';
    this.source.show(`${t}/${z}/${this.attempt}/${made}/${drawn}`, (level, row, column, signal) =>
      fetch.call(this, { level, t, z, row, column }, signal)
    );
  }

  private style() {
    if (this.isPicture) {
      return {};
    }
    this.structure = structureOf(this.settings, this.loaded);
    return styleOf(this.settings, this.loaded, this.dtype);
  }

  private makeSource(): TileSource {
    const bands = this.isPicture ? 4 : this.loaded.length;
    this.source = new TileSource(this.geometry, bands, this.failed);
    this.turn();
    return this.source;
  }

  private async raw(tile: Tile, signal: AbortSignal): Promise<Uint8Array | Float32Array> {
    const channels = this.loaded.join();
    const path = withQuery(`images/${this.image.id}/raw/${pathOf(tile)}`, { channels, size: TILE });
    return textureOf(planesOf(await this.transport.get(path, signal)), TILE);
  }

  private async projected(tile: Tile, signal: AbortSignal): Promise<Uint8Array | Float32Array> {
    const { level, t, z } = tile;
    const [y, x] = [tile.row * TILE, tile.column * TILE];
    const { height, width } = this.image.levels[level];
    const path = withQuery(`images/${this.image.id}/projection`, {
      projection: JSON.stringify(this.projection),
      channels: this.loaded.join(),
      level, t, z, y, x,
      height: Math.min(TILE, height - y),
      width: Math.min(TILE, width - x)
    });
    return textureOf(planesOf(await this.transport.get(path, signal)), TILE);
  }

  private async picture(tile: Tile, signal: AbortSignal): Promise<Uint8Array> {
    const { x, y } = this.image.sizes;
    const lossless = x * y <= LOSSLESS_PIXELS || shortDtype(this.image.dtype) !== 'u1';
    const path = withQuery(`images/${this.image.id}/tiles/${pathOf(tile)}`, {
      size: TILE,
      format: lossless ? 'png' : 'jpeg',
      settings: JSON.stringify(this.settings),
      projection: this.projection && JSON.stringify(this.projection)
    });
    const reply = await this.transport.get(path, signal);
    const bitmap = await createImageBitmap(new Blob([reply.body]), {
      colorSpaceConversion: 'none'
    });
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = TILE;
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return new Uint8Array(context.getImageData(0, 0, TILE, TILE).data.buffer);
  }
}

interface Tile extends Plane {
  level: number;
  row: number;
  column: number;
}

function pathOf({ level, t, z, row, column }: Tile): string {
  return `${level}/${t}/${z}/${row}/${column}`;
}
