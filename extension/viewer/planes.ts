/** The layer of the image itself: raw tiles mixed here, or pictures that the server drew. */
import WebGLTileLayer from 'ol/layer/WebGLTile';

import type { Image, Settings } from '../shared/records';
import { type Transport, withQuery } from '../shared/request';
import { NOT_A_NUMBER, planesOf, shortDtype, textureOf } from './decode';
import { type Geometry, TILE } from './geometry';
import { structureOf, styleOf, variablesOf } from './mixing';
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
    return this.isPictureOf(this.settings);
  }

  private isPictureOf(settings: Settings): boolean {
    const usesTables = settings.channels.some(each => each.active && each.lut);
    return (
      settings.is_rgb ||
      (usesTables && !settings.greyscale) ||
      this.image.dtype.startsWith('complex')
    );
  }

  /** Draw as `settings` say; only a channel that was never fetched costs a request. */
  update(settings: Settings): void {
    const before = this.settings;
    this.settings = settings;
    const missing = settings.channels.flatMap((each, c) =>
      each.active && !this.loaded.includes(c) ? [c] : []
    );
    if (this.isPictureOf(before) !== this.isPicture || (missing.length && !this.isPicture)) {
      this.loaded = [...this.loaded.filter(c => settings.channels[c].active), ...missing];
      this.source.dispose();
      this.source = this.makeSource();
      this.layer.setSource(this.source);
      this.layer.setStyle(this.style());
    } else if (this.isPicture) {
      this.turn();
    } else if (structureOf(settings, this.loaded) !== this.structure) {
      this.layer.setStyle(this.style());
    } else {
      this.layer.updateStyleVariables(variablesOf(settings, this.loaded, this.image.dtype));
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
    const { t, z } = this.plane;
    const drawn = this.isPicture ? JSON.stringify(this.settings) : '';
    const fetch = this.isPicture ? this.picture : this.raw;
    this.source.show(`${t}/${z}/${this.attempt}/${drawn}`, (level, row, column, signal) =>
      fetch.call(this, `${level}/${t}/${z}/${row}/${column}`, signal)
    );
  }

  private style() {
    if (this.isPicture) {
      return {};
    }
    this.structure = structureOf(this.settings, this.loaded);
    return styleOf(this.settings, this.loaded, this.image.dtype);
  }

  private makeSource(): TileSource {
    const bands = this.isPicture ? 4 : this.loaded.length;
    this.source = new TileSource(this.geometry, bands, this.failed);
    this.turn();
    return this.source;
  }

  private async raw(tile: string, signal: AbortSignal): Promise<Uint8Array | Float32Array> {
    const channels = this.loaded.join();
    const path = withQuery(`images/${this.image.id}/raw/${tile}`, { channels, size: TILE });
    return textureOf(planesOf(await this.transport.get(path, signal)), TILE);
  }

  private async picture(tile: string, signal: AbortSignal): Promise<Uint8Array> {
    const { x, y } = this.image.sizes;
    const lossless = x * y <= LOSSLESS_PIXELS || shortDtype(this.image.dtype) !== 'u1';
    const path = withQuery(`images/${this.image.id}/tiles/${tile}`, {
      size: TILE,
      format: lossless ? 'png' : 'jpeg',
      settings: JSON.stringify(this.settings)
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
