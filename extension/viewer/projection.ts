/** The control of projections: what is made of which planes. */
import { el } from '../shared/dom';
import type { Image, Method, Projection } from '../shared/records';

const METHODS: [Method, string][] = [
  ['max', 'Maximum'],
  ['mean', 'Mean'],
  ['sum', 'Sum'],
  ['min', 'Minimum']
];
const AXES = { z: 'Z', t: 'T' } as const;

export class ProjectionPanel {
  readonly node: HTMLElement;
  private readonly method: HTMLSelectElement;
  private readonly axis: HTMLSelectElement;
  private readonly first: HTMLInputElement;
  private readonly last: HTMLInputElement;
  private readonly range: HTMLElement;

  constructor(
    private readonly image: Image,
    private readonly changed: (projection: Projection | null) => void
  ) {
    const axes = (['z', 't'] as const).filter(each => image.sizes[each] > 1);
    const option = (value: string, text: string) => el('option', '', { value }, text);
    this.method = el(
      'select',
      'grow',
      { 'aria-label': 'Projection', onchange: () => this.take() },
      option('', 'none'),
      ...METHODS.map(([value, text]) => option(value, text))
    );
    this.axis = el(
      'select',
      '',
      {
        'aria-label': 'Projected axis',
        hidden: axes.length < 2,
        onchange: () => {
          // A range of Z says nothing about T.
          this.span(0, this.size);
          this.take();
        }
      },
      ...axes.map(each => option(each, AXES[each]))
    );
    const edge = (label: string) =>
      el('input', '', {
        type: 'number',
        min: 1,
        step: 1,
        'aria-label': label,
        onchange: () => this.take()
      });
    this.first = edge('First plane of the projection');
    this.last = edge('Last plane of the projection');
    this.range = el('div', 'projection-range', { hidden: true }, this.axis, this.first, '–', this.last);
    this.node = el(
      'div',
      'projection',
      { hidden: !axes.length },
      el('h4', '', {}, 'Projection'),
      this.method,
      this.range
    );
    this.show(null);
  }

  show(projection: Projection | null): void {
    this.method.value = projection?.method ?? '';
    this.range.hidden = !projection;
    if (projection) {
      this.axis.value = projection.axis;
    }
    this.span(projection?.start ?? 0, projection?.stop ?? this.size);
  }

  private get size(): number {
    return this.image.sizes[this.along];
  }

  private get along(): 'z' | 't' {
    return (this.axis.value || 'z') as 'z' | 't';
  }

  private span(start: number, stop: number): void {
    this.first.max = this.last.max = String(this.size);
    this.first.value = String(start + 1);
    this.last.value = String(stop);
  }

  private take(): void {
    const method = this.method.value as Method | '';
    this.range.hidden = !method;
    const whole = (field: HTMLInputElement, otherwise: number) =>
      Math.max(1, Math.min(this.size, Math.round(field.valueAsNumber) || otherwise));
    const [a, b] = [whole(this.first, 1), whole(this.last, this.size)];
    const [start, stop] = [Math.min(a, b) - 1, Math.max(a, b)];
    this.span(start, stop);
    this.changed(method ? { method, axis: this.along, start, stop } : null);
  }
}
