/** The map: the image's plane, label images and shapes over it, and where one looks. */
import { defaults as defaultInteractions, MouseWheelZoom } from 'ol/interaction';
import OlMap from 'ol/Map';
import View from 'ol/View';

import type { Image, Labels, Projection, Settings } from '../shared/records';
import { RequestError, type Transport } from '../shared/request';
import { findObject } from './find';
import { type Geometry, geometryOf } from './geometry';
import { LabelsLayer } from './labels';
import { Overview, ScaleBar } from './overlays';
import { type Plane, PlaneLayer } from './planes';
import { ShapesLayer } from './shapes';

const CLOSEST = 64;
// Smaller on the screen, an object is not seen.
const SEEN_PX = 6;

/** Where one looks: the middle in pixels of level 0, and screen pixels per image pixel. */
export interface Look {
  x: number;
  y: number;
  zoom: number;
}

export interface Shown {
  labels: Labels;
  visible: boolean;
  opacity: number;
}

export class Stage {
  readonly map: OlMap;
  readonly planes: PlaneLayer;
  readonly labels = new Map<number, LabelsLayer>();
  readonly scaleBar: ScaleBar;
  readonly overview: Overview;
  private readonly geometry: Geometry;
  private readonly shapes: ShapesLayer;

  constructor(
    private readonly host: HTMLElement,
    private readonly transport: Transport,
    private readonly image: Image,
    settings: Settings,
    private plane: Plane,
    projection: Projection | null,
    private readonly failed: (error: unknown) => void,
    private readonly gone: (labelsId: number) => void
  ) {
    this.geometry = geometryOf(image);
    this.planes = new PlaneLayer(
      transport, image, this.geometry, settings, plane, projection, failed
    );
    this.shapes = new ShapesLayer(transport, image.id, this.geometry, plane, failed);
    this.shapes.layer.setVisible(false);
    this.shapes.layer.setZIndex(1000);
    this.map = new OlMap({
      target: host,
      controls: [],
      interactions: defaultInteractions({
        mouseWheelZoom: false,
        altShiftDragRotate: false,
        pinchRotate: false
      }).extend([
        // A page that scrolls past the image must not be caught by it.
        new MouseWheelZoom({
          condition: event => host.contains(document.activeElement) || event.originalEvent.ctrlKey
        })
      ]),
      layers: [this.planes.layer, this.shapes.layer],
      view: new View({
        projection: this.geometry.projection,
        extent: this.geometry.extent,
        constrainOnlyCenter: true,
        center: [this.geometry.width / 2, -this.geometry.height / 2],
        resolution: 1,
        minResolution: 1 / CLOSEST,
        maxResolution: Math.max(4, (2 * Math.max(this.geometry.width, this.geometry.height)) / 256),
        enableRotation: false
      })
    });
    this.scaleBar = new ScaleBar(image);
    this.overview = new Overview(this.geometry, this.map);
    this.map.on('postrender', () => {
      this.scaleBar.draw(this.map.getView().getResolution() ?? 1);
      this.overview.draw();
    });
    this.map.on('moveend', () => void this.lookForRois());
  }

  get look(): Look {
    const view = this.map.getView();
    const [x, y] = view.getCenter() ?? [0, 0];
    return { x, y: -y, zoom: 1 / (view.getResolution() ?? 1) };
  }

  set look({ x, y, zoom }: Look) {
    const view = this.map.getView();
    view.setResolution(1 / zoom);
    view.setCenter([x, -y]);
  }

  /** Show the whole image. */
  fit(): void {
    if (this.map.getSize()?.every(side => side > 0)) {
      this.map.getView().fit(this.geometry.extent, { padding: [4, 4, 4, 4] });
    }
  }

  zoom(factor: number): void {
    const view = this.map.getView();
    view.animate({ resolution: (view.getResolution() ?? 1) / factor, duration: 120 });
  }

  show(plane: Plane): void {
    this.plane = plane;
    this.planes.show(plane);
    this.shapes.show(plane);
    this.labels.forEach(each => each.show(plane));
  }

  setRoisVisible(visible: boolean): void {
    this.shapes.setVisible(visible);
  }

  /** Show these label images; one that was never visible costs no request. */
  setLabels(shown: Shown[]): void {
    for (const { labels, visible, opacity } of shown) {
      let layer = this.labels.get(labels.id);
      if (!layer && visible) {
        layer = new LabelsLayer(this.transport, labels, this.geometry, this.plane, error =>
          error instanceof RequestError && error.status === 404
            ? this.gone(labels.id)
            : this.failed(error)
        );
        this.labels.set(labels.id, layer);
        this.map.addLayer(layer.layer);
      }
      layer?.layer.setVisible(visible);
      layer?.layer.setOpacity(opacity);
    }
    for (const [id, layer] of this.labels) {
      if (!shown.some(each => each.labels.id === id)) {
        this.map.removeLayer(layer.layer);
        layer.dispose();
        this.labels.delete(id);
      }
    }
  }

  select(labelsId: number | null, value: number): void {
    this.labels.forEach((layer, id) => layer.select(id === labelsId ? value : null));
  }

  /** Draw the objects that plots pick out in their colours, and the others grey. */
  pick(colorsOf: (labels: Labels) => Map<number, number> | null): void {
    this.labels.forEach(layer => layer.pick(colorsOf(layer.labels)));
  }

  /** Bring object `value` of a label image into view; where it is in view, nothing moves. */
  async lookAt(labels: Labels, value: number, signal: AbortSignal): Promise<void> {
    const found = await findObject(this.transport, labels, this.image, this.plane, value, signal);
    const size = this.map.getSize();
    if (!found || !size) {
      return;
    }
    const [left, bottom, right, top] = this.map.getView().calculateExtent(size);
    const { x, y, side } = found;
    const { zoom } = this.look;
    const isSeen = x > left && x < right && -y > bottom && -y < top && side * zoom > SEEN_PX;
    if (!isSeen) {
      const most = Math.min(...size) / (4 * Math.max(side, 1));
      this.look = { x, y, zoom: side * zoom > SEEN_PX ? zoom : Math.max(zoom, Math.min(most, 2)) };
    }
  }

  /** The visible label under a pixel of the map, of the topmost label image that has one. */
  labelAt(pixel: number[]): { labels: Labels; value: number } | null {
    for (const layer of [...this.labels.values()].reverse()) {
      const value = layer.layer.getVisible() ? layer.labelAt(pixel) : null;
      if (value) {
        return { labels: layer.labels, value };
      }
    }
    return null;
  }

  /** The pixel of level 0 under a pixel of the map; null outside of the image. */
  positionAt(pixel: number[]): { x: number; y: number } | null {
    const found = this.map.getCoordinateFromPixel(pixel);
    if (!found) {
      return null;
    }
    const [x, y] = [Math.floor(found[0]), Math.floor(-found[1])];
    const { width, height } = this.geometry;
    return x >= 0 && y >= 0 && x < width && y < height ? { x, y } : null;
  }

  retry(): void {
    this.planes.retry();
    this.labels.forEach(each => each.retry());
  }

  /** Resolves when everything in view is drawn. */
  async drawn(): Promise<void> {
    await this.shapes.loaded();
    return new Promise(resolve => {
      this.map.once('rendercomplete', () => resolve());
      this.map.render();
    });
  }

  /** What is drawn from `x`, `y` of level 0 on, `zoom` times as large: RGBA, row by row. */
  async readPixels(
    x: number,
    y: number,
    width: number,
    height: number,
    zoom = 1
  ): Promise<number[]> {
    const [across, down] = this.map.getSize() ?? [0, 0];
    if (width > across || height > down) {
      throw new RangeError(`The map is ${across} × ${down} pixels: ask for no more.`);
    }
    const before = this.look;
    const [left, top] = [Math.floor((across - width) / 2), Math.floor((down - height) / 2)];
    this.look = { x: x + (across / 2 - left) / zoom, y: y + (down / 2 - top) / zoom, zoom };
    await this.lookForRois();
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    await new Promise<void>(resolve => {
      // Only inside of this event is a WebGL canvas sure to hold its picture.
      this.map.once('rendercomplete', () => {
        const layers = this.host.querySelectorAll('canvas');
        const ratio = this.map.getPixelRatio();
        for (const layer of layers) {
          context.drawImage(
            layer,
            left * ratio, top * ratio, width * ratio, height * ratio,
            0, 0, width, height
          );
        }
        resolve();
      });
      this.map.render();
    });
    this.look = before;
    return Array.from(context.getImageData(0, 0, width, height).data);
  }

  private lookForRois(): Promise<void> {
    const view = this.map.getView();
    const size = this.map.getSize();
    return size?.every(side => side > 0)
      ? this.shapes.look(view.calculateExtent(size), view.getResolution() ?? 1)
      : Promise.resolve();
  }

  dispose(): void {
    this.overview.dispose();
    this.labels.forEach(each => each.dispose());
    this.planes.dispose();
    this.shapes.dispose();
    this.map.setTarget(undefined);
    this.map.dispose();
  }
}
