/** Label images over the image, in the colours of `omero_jlab.rendering.colorize_labels`. */
import WebGLTileLayer from 'ol/layer/WebGLTile';

import type { Labels } from '../shared/records';
import { type Transport, withQuery } from '../shared/request';
import { type Planes, planesOf } from './decode';
import { type Geometry, TILE } from './geometry';
import type { Plane } from './planes';
import { TileSource } from './tiles';

const GOLDEN = 2654435769;
const HUES = 1536;

/** Red, green and blue of a label, 0 to 255. */
export function colorOf(label: number): [number, number, number] {
  const hue = ((Math.imul(label, GOLDEN) >>> 16) * HUES) >>> 16;
  return [0, 512, 1024].map(primary => {
    const around = (hue + HUES - primary) % HUES;
    const distance = Math.min(around, HUES - around);
    const full = Math.max(0, Math.min(255, 511 - distance));
    return 64 + ((full * 3) >> 2);
  }) as [number, number, number];
}

// Colour in the first four bands, the label itself in the other four: the shader can tell the
// selected one, and what lies under the cursor needs no second look-up.
const BANDS = 8;
// Labels of tiles that are kept, so that picking out cells asks the server nothing.
const KEPT = 96;
const UNPICKED = 0x60808080;
const isSelected = [
  'all',
  ['>', ['var', 'on'], 0.5],
  ...[0, 1, 2, 3].map(i => ['<', ['abs', ['-', ['band', 5 + i], ['var', `l${i}`]]], 0.5 / 255])
];

export class LabelsLayer {
  readonly layer: WebGLTileLayer;
  private readonly source: TileSource;
  private attempt = 0;
  private turns = 0;
  private picked: Map<number, number> | null = null;
  private readonly kept = new Map<string, Planes>();

  constructor(
    private readonly transport: Transport,
    readonly labels: Labels,
    geometry: Geometry,
    private plane: Plane,
    failed: (error: unknown) => void
  ) {
    this.source = new TileSource(geometry, BANDS, failed);
    this.turn();
    this.layer = new WebGLTileLayer({
      extent: geometry.extent,
      source: this.source,
      style: {
        color: [
          'case',
          isSelected,
          ['color', 255, 255, 255, 1],
          [
            'color',
            ['*', 255, ['band', 1]],
            ['*', 255, ['band', 2]],
            ['*', 255, ['band', 3]],
            ['band', 4]
          ]
        ],
        variables: { on: 0, l0: 0, l1: 0, l2: 0, l3: 0 }
      },
      cacheSize: 256
    });
  }

  /** Draw object `label` in white; null for none. */
  select(label: number | null): void {
    const bytes = [0, 1, 2, 3].map(i => (((label ?? 0) >>> (8 * i)) & 255) / 255);
    this.layer.updateStyleVariables({
      on: label ? 1 : 0,
      l0: bytes[0],
      l1: bytes[1],
      l2: bytes[2],
      l3: bytes[3]
    });
  }

  /** Draw these objects in their colours, 0xRRGGBB, and all others grey; null for all alike. */
  pick(colors: Map<number, number> | null): void {
    if (colors !== this.picked) {
      this.picked = colors;
      this.turns++;
      this.turn();
    }
  }

  show(plane: Plane): void {
    this.plane = plane;
    this.turn();
  }

  retry(): void {
    this.kept.clear();
    this.attempt++;
    this.turn();
  }

  /** The label under a pixel of the map: 0 is background, null is not loaded. */
  labelAt(pixel: number[]): number | null {
    const found = this.layer.getData(pixel);
    if (!(found instanceof Uint8Array) || found.length < BANDS) {
      return null;
    }
    return new DataView(found.buffer, found.byteOffset).getUint32(4, true);
  }

  dispose(): void {
    this.layer.dispose();
    this.source.dispose();
  }

  private turn(): void {
    const { t, z } = this;
    this.source.show(`${t}/${z}/${this.attempt}/${this.turns}`, (level, row, column, signal) =>
      this.load(`${level}/${t}/${z}/${row}/${column}`, signal)
    );
  }

  /** A label image with one plane lies over every plane. */
  private get z(): number {
    return Math.min(this.plane.z, this.labels.size_z - 1);
  }

  private get t(): number {
    return Math.min(this.plane.t, this.labels.size_t - 1);
  }

  private async load(tile: string, signal: AbortSignal): Promise<Uint8Array> {
    const { values, height, width } = await this.planes(tile, signal);
    const out = new Uint8Array(TILE * TILE * BANDS);
    const words = new Uint32Array(out.buffer);
    const colors = new Map<number, number>();
    for (let row = 0, from = 0; row < height; row++) {
      let to = 2 * row * TILE;
      for (let column = 0; column < width; column++, from++, to += 2) {
        const label = Number(values[from]);
        if (label) {
          let color = colors.get(label);
          if (color === undefined) {
            color = this.drawnAs(label);
            colors.set(label, color);
          }
          words[to] = color;
          words[to + 1] = label;
        }
      }
    }
    return out;
  }

  private async planes(tile: string, signal: AbortSignal): Promise<Planes> {
    const known = this.kept.get(tile);
    if (known) {
      return known;
    }
    const path = withQuery(`labels/${this.labels.id}/raw/${tile}`, { size: TILE });
    const found = planesOf(await this.transport.get(path, signal));
    this.kept.set(tile, found);
    if (this.kept.size > KEPT) {
      this.kept.delete(this.kept.keys().next().value!);
    }
    return found;
  }

  /** The colour of a label as the bytes R, G, B, A of a little-endian word. */
  private drawnAs(label: number): number {
    const picked = this.picked?.get(label);
    if (this.picked && picked === undefined) {
      return UNPICKED;
    }
    const [r, g, b] =
      picked === undefined
        ? colorOf(label)
        : [picked >> 16, (picked >> 8) & 255, picked & 255];
    return (r | (g << 8) | (b << 16) | (255 << 24)) >>> 0;
  }
}
