/** How often values occur in the channels that are drawn. */
import { wasAborted } from '../shared/dom';
import type { Histogram, Image, Projection } from '../shared/records';
import { json, type Transport, withQuery } from '../shared/request';
import { shortDtype } from './decode';
import type { Plane } from './planes';

const BINS = 192;
// A level of this many pixels says as much as a larger one, and is read at once.
const ENOUGH_PIXELS = 2048 * 2048;
const QUIET_MS = 300;

/** Fetches histograms of the plane shown, or of all planes where they are projected. */
export class Histograms {
  private abort = new AbortController();
  private timer = 0;
  private readonly known = new Map<string, Promise<Histogram>>();

  constructor(
    private readonly transport: Transport,
    private readonly image: Image,
    private readonly found: (channel: number, histogram: Histogram) => void,
    private readonly failed: (error: unknown) => void
  ) {}

  /** Answer with the histograms of these channels, once nothing has moved for a moment. */
  look(channels: number[], plane: Plane, projection: Projection | null): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.abort.abort();
      this.abort = new AbortController();
      const { signal } = this.abort;
      for (const c of channels) {
        this.ask(this.path(c, plane, projection), signal).then(
          histogram => signal.aborted || this.found(c, histogram),
          error => wasAborted(error) || this.failed(error)
        );
      }
    }, QUIET_MS);
  }

  dispose(): void {
    window.clearTimeout(this.timer);
    this.abort.abort();
  }

  private path(c: number, plane: Plane, projection: Projection | null): string {
    const { levels, channels } = this.image;
    const fits = levels.findIndex(({ width, height }) => width * height <= ENOUGH_PIXELS);
    return withQuery(`images/${this.image.id}/histogram`, {
      c,
      t: projection?.axis === 't' ? null : plane.t,
      z: projection?.axis === 'z' ? null : plane.z,
      level: fits < 0 ? levels.length - 1 : fits,
      ...binsOf(channels[c]?.minimum, channels[c]?.maximum, shortDtype(this.image.dtype)[0] !== 'f')
    });
  }

  private ask(path: string, signal: AbortSignal): Promise<Histogram> {
    let asked = this.known.get(path);
    if (!asked) {
      asked = json<Histogram>(this.transport, path, signal);
      this.known.set(path, asked);
      asked.catch(() => this.known.delete(path));
    }
    return asked;
  }
}

/** Bins between the extremes, if they are known; those of whole numbers are as wide as each other. */
function binsOf(low: number | null | undefined, high: number | null | undefined, isWhole: boolean) {
  if (low == null || high == null || low >= high) {
    return { bins: BINS };
  }
  if (!isWhole) {
    return { bins: BINS, low, high };
  }
  const width = Math.ceil((high - low + 1) / BINS);
  const bins = Math.ceil((high - low + 1) / width);
  return { bins, low, high: low + bins * width };
}

/**
 * The outline of a histogram as an SVG path in a box of 1 × 1, y up to 1 at the bottom, where
 * `low` to `high` is the width.
 */
export function outlineOf(
  { counts, ...ends }: Histogram,
  low: number,
  high: number,
  isLog: boolean
): string {
  const height = isLog ? counts.map(each => Math.log1p(each)) : counts;
  const most = Math.max(...height, 1e-9);
  const place = (i: number) =>
    (ends.low + ((ends.high - ends.low) * i) / counts.length - low) / (high - low || 1);
  const steps = height.map((each, i) => {
    const y = (1 - each / most).toFixed(4);
    return `L${place(i).toFixed(4)},${y}L${place(i + 1).toFixed(4)},${y}`;
  });
  return `M${place(0).toFixed(4)},1${steps.join('')}L${place(counts.length).toFixed(4)},1Z`;
}
