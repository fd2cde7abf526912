/**
 * Regions of interest over the image: only those in view that are large enough to be seen are
 * asked for, and where the others lie is shown as a density.
 */
import Feature from 'ol/Feature';
import { Circle as CircleGeometry, LineString, MultiPolygon, Point, Polygon } from 'ol/geom';
import type Geometry from 'ol/geom/Geometry';
import LayerGroup from 'ol/layer/Group';
import ImageLayer from 'ol/layer/Image';
import VectorLayer from 'ol/layer/Vector';
import ImageCanvas from 'ol/source/ImageCanvas';
import VectorSource from 'ol/source/Vector';
import CircleStyle from 'ol/style/Circle';
import Fill from 'ol/style/Fill';
import Stroke from 'ol/style/Stroke';
import Style from 'ol/style/Style';
import Text from 'ol/style/Text';

import { wasAborted } from '../shared/dom';
import type { Density, Roi, RoiView, Shape } from '../shared/records';
import { json, type Transport, withQuery } from '../shared/request';
import type { Geometry as Place } from './geometry';
import type { Plane } from './planes';

const SEGMENTS = 72;
const FONT = '12px var(--jp-ui-font-family, sans-serif)';
// In pixels of the screen: what is smaller is counted, in cells of this side.
const SMALLEST = 4;
const CELL = 8;
const MOST = 2000;

type Extent = number[];

export class ShapesLayer {
  readonly layer: LayerGroup;
  private readonly source = new VectorSource();
  private readonly clouds: ImageCanvas;
  private view: RoiView = { total: 0, rois: [], density: null };
  private looked?: { extent: Extent; resolution: number };
  private abort = new AbortController();
  private loading: Promise<void> = Promise.resolve();

  constructor(
    private readonly transport: Transport,
    private readonly imageId: number,
    geometry: Place,
    private plane: Plane,
    private readonly failed: (error: unknown) => void
  ) {
    this.clouds = new ImageCanvas({
      projection: geometry.projection,
      ratio: 1,
      canvasFunction: (extent, resolution, ratio, size) =>
        cloud(this.view.density, extent, resolution / ratio, size)
    });
    this.layer = new LayerGroup({
      layers: [
        new ImageLayer({ source: this.clouds, opacity: 0.7 }),
        new VectorLayer({ source: this.source })
      ]
    });
  }

  /** Ask for what lies in a part of the map that is shown at `resolution`. */
  look(extent: Extent, resolution: number): Promise<void> {
    this.looked = { extent, resolution };
    this.abort.abort();
    if (this.layer.getVisible()) {
      this.abort = new AbortController();
      this.loading = this.load(extent, resolution, this.abort.signal).catch(error => {
        if (!wasAborted(error)) {
          this.failed(error);
        }
      });
    }
    return this.loading;
  }

  setVisible(visible: boolean): void {
    this.layer.setVisible(visible);
    this.again();
  }

  show(plane: Plane): void {
    this.plane = plane;
    this.draw();
    this.again();
  }

  /** Resolves when what was asked for last is drawn. */
  loaded(): Promise<void> {
    return this.loading;
  }

  dispose(): void {
    this.abort.abort();
    this.layer.getLayers().forEach(each => each.dispose());
    this.layer.dispose();
    this.source.dispose();
    this.clouds.dispose();
  }

  private again(): void {
    if (this.looked) {
      void this.look(this.looked.extent, this.looked.resolution);
    }
  }

  private async load(extent: Extent, resolution: number, signal: AbortSignal): Promise<void> {
    const [left, bottom, right, top] = extent;
    if (!(right > left && top > bottom)) {
      return;
    }
    const { t, z } = this.plane;
    const path = withQuery(`images/${this.imageId}/rois/view`, {
      region: JSON.stringify([-top, left, top - bottom, right - left]),
      t,
      z,
      smallest: SMALLEST * resolution,
      cell: CELL * resolution,
      limit: MOST
    });
    this.view = await json<RoiView>(this.transport, path, signal);
    this.draw();
  }

  private draw(): void {
    this.source.clear(true);
    const features: Feature[] = [];
    for (const roi of this.view.rois) {
      features.push(...this.featuresOf(roi));
    }
    this.source.addFeatures(features);
    this.clouds.changed();
  }

  private featuresOf(roi: Roi): Feature[] {
    const { z, t } = this.plane;
    return roi.shapes
      .filter(shape => lies(z, shape.z, shape.z_last) && lies(t, shape.t, shape.t_last))
      .map(shape => {
        const feature = new Feature({ geometry: outline(shape), roi: roi.id });
        feature.setStyle(styleOf(shape, shape.text || roi.name));
        return feature;
      });
  }
}

/** Whether a shape from plane `first` to `last` lies on one; without a first it lies on all. */
function lies(plane: number, first: number | null, last: number | null | undefined): boolean {
  return first === null || (plane >= first && plane <= (last ?? first));
}

/** A picture of how densely regions lie, the densest cell opaque. */
function cloud(
  density: Density | null,
  extent: Extent,
  resolution: number,
  size: number[]
): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = size.map(side => Math.max(1, Math.round(side)));
  const context = canvas.getContext('2d');
  if (!density || !context) {
    return canvas;
  }
  const most = density.counts.reduce((a, b) => Math.max(a, b), 1);
  const side = density.side / resolution;
  const left = (density.x - extent[0]) / resolution;
  const top = (extent[3] + density.y) / resolution;
  density.counts.forEach((count, i) => {
    if (count) {
      const [row, column] = [Math.floor(i / density.columns), i % density.columns];
      context.fillStyle = `rgba(255, 255, 0, ${0.15 + (0.85 * Math.log1p(count)) / Math.log1p(most)})`;
      context.fillRect(left + column * side, top + row * side, side, side);
    }
  });
  return canvas;
}

type Ring = [number, number][];

const flipped = (points: Ring): Ring => [...points, points[0]].map(([x, y]) => [x, -y]);

function outline(shape: Shape): Geometry {
  const ring = (points: Ring) => new Polygon([flipped(points)]);
  switch (shape.kind) {
    case 'rectangle':
      return ring(box(shape.x, shape.y, shape.width, shape.height));
    case 'ellipse': {
      const { x, y, radius_x: a, radius_y: b } = shape;
      if (a === b) {
        return new CircleGeometry([x, -y], a);
      }
      const angles = Array.from({ length: SEGMENTS }, (_, i) => (2 * Math.PI * i) / SEGMENTS);
      return ring(angles.map(w => [x + a * Math.cos(w), y + b * Math.sin(w)]));
    }
    case 'polygon':
      return new Polygon([shape.points, ...(shape.holes ?? [])].map(flipped));
    case 'polyline':
      return new LineString(shape.points.map(([x, y]) => [x, -y]));
    case 'line':
      return new LineString([
        [shape.x1, -shape.y1],
        [shape.x2, -shape.y2]
      ]);
    case 'mask':
      return new MultiPolygon(runsOf(shape).map(each => [flipped(each)]));
    default:
      return new Point([shape.x, -shape.y]);
  }
}

function box(x: number, y: number, width: number, height: number): Ring {
  return [
    [x, y],
    [x + width, y],
    [x + width, y + height],
    [x, y + height]
  ];
}

/** The rows of a mask's pixels, a box for each run of them. */
function runsOf(mask: Extract<Shape, { kind: 'mask' }>): Ring[] {
  const bytes = atob(mask.bits);
  const isSet = (i: number) => (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1;
  const runs: Ring[] = [];
  for (let row = 0; row < mask.height; row++) {
    let start = -1;
    for (let column = 0; column <= mask.width; column++) {
      const on = column < mask.width && isSet(row * mask.width + column);
      if (on && start < 0) {
        start = column;
      } else if (!on && start >= 0) {
        runs.push(box(mask.x + start, mask.y + row, column - start, 1));
        start = -1;
      }
    }
  }
  return runs;
}

function styleOf(shape: Shape, text: string): Style {
  const stroke = new Stroke({ color: `#${shape.stroke}`, width: 2 });
  const isMask = shape.kind === 'mask';
  return new Style({
    stroke: isMask ? undefined : stroke,
    fill: new Fill({ color: isMask ? `#${shape.stroke.slice(0, 6)}80` : `#${shape.fill}` }),
    image: shape.kind === 'point' ? new CircleStyle({ radius: 4, stroke }) : undefined,
    text: text
      ? new Text({
          text,
          font: FONT,
          overflow: true,
          fill: new Fill({ color: `#${shape.stroke}` }),
          stroke: new Stroke({ color: '#000000A0', width: 3 })
        })
      : undefined
  });
}
