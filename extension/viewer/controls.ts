/** The controls beside and below the map. */
import { el } from '../shared/dom';
import type { Shown } from './stage';

/** A slider along an axis of the image, with its number; counted from 1 for people. */
export class AxisSlider {
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
    this.text.textContent = `${index + 1} / ${this.size}${this.unit(index)}`;
  }

  step(by: number): void {
    this.take(Math.max(0, Math.min(this.size - 1, this.slider.valueAsNumber + by)));
  }

  private take(index: number): void {
    this.show(index);
    this.changed(index);
  }
}

/** Which label images lie over the image, and how opaque. */
export class LabelsPanel {
  readonly node = el('div', 'labels');

  constructor(private readonly changed: (shown: Shown[]) => void) {}

  show(shown: Shown[]): void {
    const replace = (i: number, change: Partial<Shown>) => {
      shown = shown.map((each, j) => (j === i ? { ...each, ...change } : each));
      this.changed(shown);
    };
    const rows = shown.map(({ labels, visible, opacity }, i) =>
      el(
        'div',
        'label-row',
        { 'data-labels': labels.id },
        el(
          'label',
          'channel-head',
          {},
          el('input', '', {
            type: 'checkbox',
            checked: visible,
            onchange: (event: Event) =>
              replace(i, { visible: (event.target as HTMLInputElement).checked })
          }),
          el('span', 'channel-name', { title: labels.name }, labels.name)
        ),
        el('input', '', {
          type: 'range',
          min: 0,
          max: 1,
          step: 0.05,
          value: opacity,
          'aria-label': `Opacity of ${labels.name}`,
          oninput: (event: Event) =>
            replace(i, { opacity: (event.target as HTMLInputElement).valueAsNumber })
        })
      )
    );
    this.node.replaceChildren(...(rows.length ? [el('h4', '', {}, 'Labels'), ...rows] : []));
  }
}
