/** The sliders below the map: through Z and through time. */
import { el, shown } from '../shared/dom';
import type { Image, Projection } from '../shared/records';
import type { Plane } from './planes';

export class Axes {
  readonly nodes: HTMLElement[];
  private readonly sliders: Record<keyof Plane, AxisSlider>;

  constructor(
    private readonly image: Image,
    moved: (change: Partial<Plane>) => void
  ) {
    const { sizes, time_step_s: seconds, pixel_size_z_um: micrometres } = image;
    this.sliders = {
      z: new AxisSlider(
        'Z', sizes.z, i => (micrometres ? ` · ${shown(i * micrometres)} µm` : ''), z => moved({ z })
      ),
      t: new AxisSlider(
        'T', sizes.t, i => (seconds ? ` · ${shown(i * seconds)} s` : ''), t => moved({ t })
      )
    };
    this.nodes = [this.sliders.z.node, this.sliders.t.node];
  }

  show({ z, t }: Plane): void {
    this.sliders.z.show(z);
    this.sliders.t.show(t);
  }

  step(axis: keyof Plane, by: number): void {
    this.sliders[axis].step(by);
  }

  /** Leave nothing to choose along an axis that is projected. */
  project(projection: Projection | null): void {
    for (const axis of ['z', 't'] as const) {
      const stop = projection?.stop ?? this.image.sizes[axis];
      this.sliders[axis].project(projection?.axis === axis ? [projection.start, stop] : null);
    }
  }
}

/** A slider along an axis of the image, with its number; counted from 1 for people. */
class AxisSlider {
  readonly node: HTMLElement;
  private readonly slider: HTMLInputElement;
  private readonly text: HTMLElement;

  constructor(
    axis: string,
    private readonly size: number,
    private readonly unit: (index: number) => string,
    private readonly changed: (index: number) => void
  ) {
    this.slider = el('input', '', {
      type: 'range',
      min: 0,
      max: size - 1,
      step: 1,
      value: 0,
      'aria-label': axis === 'Z' ? 'Plane (Z)' : 'Time point (T)',
      oninput: () => this.take(this.slider.valueAsNumber)
    });
    this.text = el('output', 'axis-text');
    this.node = el(
      'div',
      'axis',
      { hidden: size < 2, 'data-axis': axis },
      el('span', 'axis-name', {}, axis),
      this.slider,
      this.text
    );
  }

  show(index: number): void {
    this.slider.valueAsNumber = index;
    if (this.slider.disabled) {
      return;
    }
    this.text.textContent = `${index + 1} / ${this.size}${this.unit(index)}`;
  }

  /** Say that planes `range` are projected, which leaves nothing to choose; null ends that. */
  project(range: [number, number] | null): void {
    this.slider.disabled = !!range;
    if (range) {
      this.text.textContent = `${range[0] + 1}–${range[1]} of ${this.size}`;
    } else {
      this.show(this.slider.valueAsNumber);
    }
  }

  step(by: number): void {
    if (this.slider.disabled) {
      return;
    }
    this.take(Math.max(0, Math.min(this.size - 1, this.slider.valueAsNumber + by)));
  }

  private take(index: number): void {
    this.show(index);
    this.changed(index);
  }
}
