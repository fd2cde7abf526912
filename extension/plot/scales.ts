/** From the values of a column to places on an axis, and the marks on it. */

const MARGIN = 0.04;

/** An axis from -1 to 1, linear or logarithmic, that spans what it is given. */
export class Scale {
  private readonly low: number;
  private readonly high: number;

  constructor(
    values: ArrayLike<number>,
    readonly isLog: boolean
  ) {
    let low = Infinity;
    let high = -Infinity;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (Number.isFinite(value) && (!isLog || value > 0)) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    if (!(low <= high)) {
      [low, high] = isLog ? [1, 10] : [0, 1];
    }
    [low, high] = [this.bend(low), this.bend(high)];
    const margin = (high - low) * MARGIN || Math.abs(high) * MARGIN || 0.5;
    this.low = low - margin;
    this.high = high + margin;
  }

  /** Where a value lies; NaN for one that has no place. */
  place(value: number): number {
    return (2 * (this.bend(value) - this.low)) / (this.high - this.low) - 1;
  }

  /** The value at a place. */
  value(place: number): number {
    const bent = this.low + ((place + 1) / 2) * (this.high - this.low);
    return this.isLog ? 10 ** bent : bent;
  }

  /** Values between two places that are round, about `count` of them. */
  ticks(from: number, to: number, count: number): number[] {
    const [low, high] = [this.value(from), this.value(to)];
    if (!this.isLog || Math.log10(high / low) < 1) {
      return roundBetween(low, high, count);
    }
    const first = Math.floor(Math.log10(low));
    const last = Math.ceil(Math.log10(high));
    const steps = last - first > count ? [1] : last - first > count / 2 ? [1, 3] : [1, 2, 5];
    const skip = Math.max(1, Math.ceil((last - first) / count));
    const found: number[] = [];
    for (let power = first; power <= last; power += skip) {
      found.push(...steps.map(step => step * 10 ** power));
    }
    return found.filter(value => value >= low && value <= high);
  }

  private bend(value: number): number {
    return this.isLog ? (value > 0 ? Math.log10(value) : NaN) : value;
  }
}

function roundBetween(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) {
    return [];
  }
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find(each => each * power >= rough)! * power;
  const found: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) {
    // 3 * 0.1 is no number to show to people.
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

/** A mark's number, short. */
export function tickText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) {
    return value.toExponential().replace('e+', 'e');
  }
  return String(Number(value.toPrecision(6)));
}
