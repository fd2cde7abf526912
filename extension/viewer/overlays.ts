/** What lies over the map: the scale bar, the read-out and the overview. */
import type OlMap from 'ol/Map';

import { el } from '../shared/dom';
import type { Image } from '../shared/records';
import type { Transport } from '../shared/request';
import type { Geometry } from './geometry';

const LONGEST_BAR = 140;
const UNITS: [number, string][] = [
  [1e-3, 'nm'],
  [1, 'µm'],
  [1e3, 'mm'],
  [1e4, 'cm']
];

/** A length of 1, 2 or 5 × 10^n µm that fits into `most` µm, and how it is written. */
export function roundLength(most: number): [number, string] {
  const power = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].find(each => each * power <= most)! * power;
  const [unit, name] = [...UNITS].reverse().find(([each]) => length >= each * 0.9999) ?? UNITS[0];
  return [length, `${Number((length / unit).toPrecision(3))} ${name}`];
}

export class ScaleBar {
  readonly node = el('div', 'scale-bar', { hidden: true });

  constructor(private readonly image: Image) {}

  /** Draw for `resolution` pixels of level 0 per pixel of the screen. */
  draw(resolution: number): void {
    const size = this.image.pixel_size_x_um;
    if (size && size > 0) {
      const [length, text] = roundLength(size * resolution * LONGEST_BAR);
      this.node.style.width = `${length / size / resolution}px`;
      this.node.textContent = text;
    } else {
      const [length] = roundLength(resolution * LONGEST_BAR);
      this.node.style.width = `${length / resolution}px`;
      this.node.textContent = `${Number(length.toPrecision(3))} px`;
    }
    this.node.hidden = false;
  }
}

export class Overview {
  readonly node = el('div', 'overview', { hidden: true, 'aria-hidden': true });
  private readonly frame = el('div', 'overview-frame');
  private url = '';

  constructor(
    private readonly geometry: Geometry,
    private readonly map: OlMap
  ) {
    this.node.append(this.frame);
    const move = (event: PointerEvent) => {
      const box = this.node.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * geometry.width;
      const y = ((event.clientY - box.top) / box.height) * geometry.height;
      this.map.getView().setCenter([x, -y]);
    };
    this.node.addEventListener('pointerdown', event => {
      this.node.setPointerCapture(event.pointerId);
      move(event);
    });
    this.node.addEventListener('pointermove', event => {
      if (this.node.hasPointerCapture(event.pointerId)) {
        move(event);
      }
    });
  }

  async load(transport: Transport, imageId: number): Promise<void> {
    const reply = await transport.get(`images/${imageId}/thumbnail?size=128`);
    this.url = URL.createObjectURL(new Blob([reply.body], { type: 'image/jpeg' }));
    const picture = el('img', '', { src: this.url, alt: '', draggable: 'false' });
    this.node.prepend(picture);
    const side = Math.max(this.geometry.width, this.geometry.height);
    this.node.style.width = `${(120 * this.geometry.width) / side}px`;
    this.node.style.height = `${(120 * this.geometry.height) / side}px`;
    this.draw();
  }

  /** Show which part of the image the map shows; nothing where that is all of it. */
  draw(): void {
    const size = this.map.getSize();
    if (!size || !this.url) {
      return;
    }
    const [left, bottom, right, top] = this.map.getView().calculateExtent(size);
    const { width, height } = this.geometry;
    const x0 = Math.max(0, left / width);
    const x1 = Math.min(1, right / width);
    const y0 = Math.max(0, -top / height);
    const y1 = Math.min(1, -bottom / height);
    this.node.hidden = x0 === 0 && y0 === 0 && x1 === 1 && y1 === 1;
    this.frame.style.left = `${100 * x0}%`;
    this.frame.style.top = `${100 * y0}%`;
    this.frame.style.width = `${100 * (x1 - x0)}%`;
    this.frame.style.height = `${100 * (y1 - y0)}%`;
  }

  dispose(): void {
    URL.revokeObjectURL(this.url);
  }
}
