/** Regions of interest as vectors over the image. */
import Feature from 'ol/Feature';
import { Circle as CircleGeometry, LineString, Point, Polygon } from 'ol/geom';
import type Geometry from 'ol/geom/Geometry';
import VectorLayer from 'ol/layer/Vector';
import VectorSource from 'ol/source/Vector';
import CircleStyle from 'ol/style/Circle';
import Fill from 'ol/style/Fill';
import Stroke from 'ol/style/Stroke';
import Style from 'ol/style/Style';
import Text from 'ol/style/Text';

import type { Roi, Shape } from '../shared/records';
import type { Plane } from './planes';

const SEGMENTS = 72;
const FONT = '12px var(--jp-ui-font-family, sans-serif)';

export class ShapesLayer {
  readonly layer: VectorLayer;
  private readonly source = new VectorSource();
  private rois: Roi[] = [];

  constructor(private plane: Plane) {
    this.layer = new VectorLayer({ source: this.source });
  }

  set(rois: Roi[]): void {
    this.rois = rois;
    this.draw();
  }

  show(plane: Plane): void {
    this.plane = plane;
    this.draw();
  }

  dispose(): void {
    this.layer.dispose();
    this.source.dispose();
  }

  private draw(): void {
    this.source.clear(true);
    const { z, t } = this.plane;
    for (const roi of this.rois) {
      for (const shape of roi.shapes) {
        if ((shape.z ?? z) === z && (shape.t ?? t) === t) {
          const feature = new Feature({ geometry: outline(shape), roi: roi.id });
          feature.setStyle(styleOf(shape, shape.text || roi.name));
          this.source.addFeature(feature);
        }
      }
    }
  }
}

function outline(shape: Shape): Geometry {
  const ring = (points: [number, number][]) =>
    new Polygon([[...points, points[0]].map(([x, y]) => [x, -y])]);
  switch (shape.kind) {
    case 'rectangle': {
      const { x, y, width: w, height: h } = shape;
      return ring([
        [x, y],
        [x + w, y],
        [x + w, y + h],
        [x, y + h]
      ]);
    }
    case 'ellipse': {
      const { x, y, radius_x: a, radius_y: b } = shape;
      if (a === b) {
        return new CircleGeometry([x, -y], a);
      }
      const angles = Array.from({ length: SEGMENTS }, (_, i) => (2 * Math.PI * i) / SEGMENTS);
      return ring(angles.map(w => [x + a * Math.cos(w), y + b * Math.sin(w)]));
    }
    case 'polygon':
      return ring(shape.points);
    case 'polyline':
      return new LineString(shape.points.map(([x, y]) => [x, -y]));
    case 'line':
      return new LineString([
        [shape.x1, -shape.y1],
        [shape.x2, -shape.y2]
      ]);
    default:
      return new Point([shape.x, -shape.y]);
  }
}

function styleOf(shape: Shape, text: string): Style {
  const stroke = new Stroke({ color: `#${shape.stroke}`, width: 2 });
  return new Style({
    stroke,
    fill: new Fill({ color: `#${shape.fill}` }),
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
