/** A channel's window: its two handles upon its histogram, and two fields with their values. */
import { el, shown } from '../shared/dom';
import type { Histogram } from '../shared/records';
import { outlineOf } from './histogram';

const STEPS = 1000;
const SVG = 'http://www.w3.org/2000/svg';

export interface Edges {
  start: number;
  end: number;
}

type Edge = keyof Edges;

export class ChannelWindow {
  readonly node: HTMLElement;
  private readonly track: HTMLElement;
  private readonly drawing = document.createElementNS(SVG, 'svg');
  private readonly path = document.createElementNS(SVG, 'path');
  private readonly sliders: Record<Edge, HTMLInputElement>;
  private readonly fields: Record<Edge, HTMLInputElement>;

  constructor(
    name: string,
    private now: Edges,
    private limits: [number, number],
    /** Whether there are only whole numbers. */
    private readonly isWhole: boolean,
    private readonly changed: (edges: Edges) => void
  ) {
    const made = (type: string, edge: Edge) =>
      el('input', type === 'range' ? edge : '', {
        type,
        'aria-label': `${edge === 'start' ? 'Black' : 'Full colour'} of ${name}`
      });
    this.sliders = { start: made('range', 'start'), end: made('range', 'end') };
    this.fields = { start: made('number', 'start'), end: made('number', 'end') };
    this.drawing.setAttribute('viewBox', '0 0 1 1');
    this.drawing.setAttribute('preserveAspectRatio', 'none');
    this.drawing.setAttribute('class', 'jp-OmeroJlab-histogram');
    this.drawing.setAttribute('aria-hidden', 'true');
    this.drawing.append(this.path);
    this.track = el('div', 'range', {}, this.sliders.start, this.sliders.end);
    this.node = el('div', 'window', {}, this.track, this.fields.start, this.fields.end);
    for (const edge of ['start', 'end'] as const) {
      const { [edge]: slider } = this.sliders;
      const { [edge]: field } = this.fields;
      field.step = 'any';
      field.value = shown(now[edge]);
      slider.addEventListener('input', () => this.take(edge, slider.valueAsNumber, false));
      field.addEventListener('change', () => this.take(edge, field.valueAsNumber, true));
    }
    this.span();
  }

  /** Draw a histogram behind the handles; `isLog` counts by their logarithm, null none. */
  show(histogram: Histogram | null, isLog: boolean): void {
    this.drawing.remove();
    if (!histogram) {
      return;
    }
    const [low, high] = this.limits;
    this.path.setAttribute('d', outlineOf(histogram, low, high, isLog));
    this.track.prepend(this.drawing);
  }

  /** Let the handles reach from `low` to `high`. */
  reach(low: number, high: number): void {
    this.limits = [Math.min(low, this.now.start), Math.max(high, this.now.end)];
    this.span();
  }

  private span(): void {
    const [low, high] = this.limits;
    const step = this.isWhole ? Math.max(1, Math.round((high - low) / 65535)) : (high - low) / STEPS;
    for (const edge of ['start', 'end'] as const) {
      const slider = this.sliders[edge];
      Object.assign(slider, { min: String(low), max: String(high), step: String(step) });
      slider.value = String(this.now[edge]);
    }
    this.fill();
  }

  private take(edge: Edge, value: number, typed: boolean): void {
    if (!Number.isFinite(value)) {
      return;
    }
    const [low, high] = this.limits;
    const least = this.isWhole ? 1 : (high - low) / 1e6 || 1e-6;
    const { now } = this;
    now[edge] = edge === 'start' ? Math.min(value, now.end - least) : Math.max(value, now.start + least);
    this.sliders[edge].value = String(now[edge]);
    if (!typed || now[edge] !== value) {
      this.fields[edge].value = shown(now[edge]);
    }
    this.fill();
    this.changed({ ...now });
  }

  private fill(): void {
    const [low, high] = this.limits;
    const share = (value: number) => `${(100 * (value - low)) / (high - low || 1)}%`;
    this.track.style.setProperty('--jp-OmeroJlab-from', share(this.now.start));
    this.track.style.setProperty('--jp-OmeroJlab-to', share(this.now.end));
  }
}
