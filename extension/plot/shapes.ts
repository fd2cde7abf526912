/** The shapes of gates: what is inside of them, and where their outline runs. */
import type { Scale } from './scales';

/** As `omero_jlab.model.GateShape` travels. */
export type Shape =
  | {
      kind: 'polygon';
      x: string;
      y: string;
      points: [number, number][];
      log_x: boolean;
      log_y: boolean;
    }
  | {
      kind: 'rectangle';
      x: string;
      y: string;
      x_low: number;
      x_high: number;
      y_low: number;
      y_high: number;
    }
  | { kind: 'range'; x: string; low: number | null; high: number | null }
  | { kind: 'condition'; condition: string };

export interface Axes {
  x: string;
  y: string;
  across: Scale;
  up: Scale;
}

type Point = [number, number];
const BENDS = 16;

/** Which of the points (`xs`, `ys`) lie in a shape that was drawn on these very columns. */
export function insideOf(shape: Shape, axes: Axes, xs: ArrayLike<number>, ys: ArrayLike<number>): number[] {
  const test = testOf(shape, axes);
  const found: number[] = [];
  for (let i = 0; i < xs.length; i++) {
    if (test(xs[i], ys[i])) {
      found.push(i);
    }
  }
  return found;
}

function testOf(shape: Shape, axes: Axes): (x: number, y: number) => boolean {
  switch (shape.kind) {
    case 'rectangle':
      return (x, y) =>
        x >= shape.x_low && x <= shape.x_high && y >= shape.y_low && y <= shape.y_high;
    case 'range': {
      const [low, high] = [shape.low ?? -Infinity, shape.high ?? Infinity];
      return shape.x === axes.x ? x => x >= low && x <= high : (_, y) => y >= low && y <= high;
    }
    case 'polygon': {
      const bend = (value: number, isLog: boolean) => (isLog ? Math.log10(value) : value);
      const corners = shape.points.map(
        ([x, y]): Point => [bend(x, shape.log_x), bend(y, shape.log_y)]
      );
      return (x, y) => isInside(bend(x, shape.log_x), bend(y, shape.log_y), corners);
    }
    default:
      return () => false;
  }
}

/** As `omero_jlab.tables.conditions.polygon` has it: left and lower edges belong to it. */
function isInside(x: number, y: number, corners: Point[]): boolean {
  let odd = false;
  for (let i = 0, before = corners[corners.length - 1]; i < corners.length; i++) {
    const one = corners[i];
    const [[x0, y0], [x1, y1]] = before[1] < one[1] ? [before, one] : [one, before];
    if (y >= y0 && y < y1 && x < x0 + (y - y0) * ((x1 - x0) / (y1 - y0))) {
      odd = !odd;
    }
    before = one;
  }
  return odd;
}

/**
 * The outline of a shape on these axes, in places from -1 to 1; null where it lies on others.
 * An edge that is straight on another scale is bent here.
 */
export function outlineOf(shape: Shape, axes: Axes): Point[] | null {
  const { across, up } = axes;
  switch (shape.kind) {
    case 'polygon': {
      if (shape.x !== axes.x || shape.y !== axes.y) {
        return null;
      }
      const isSame = shape.log_x === across.isLog && shape.log_y === up.isLog;
      const points = isSame ? shape.points : bent(shape.points, shape.log_x, shape.log_y);
      return clean(points.map(([x, y]) => [across.place(x), up.place(y)]));
    }
    case 'rectangle':
      if (shape.x !== axes.x || shape.y !== axes.y) {
        return null;
      }
      return box(
        edge(across, shape.x_low, -1), edge(across, shape.x_high, 1),
        edge(up, shape.y_low, -1), edge(up, shape.y_high, 1)
      );
    case 'range':
      if (shape.x === axes.x) {
        return box(edge(across, shape.low, -1), edge(across, shape.high, 1), -FAR, FAR);
      }
      return shape.x === axes.y
        ? box(-FAR, FAR, edge(up, shape.low, -1), edge(up, shape.high, 1))
        : null;
    default:
      return null;
  }
}

/** Further than anybody looks. */
const FAR = 1e4;

function edge(scale: Scale, value: number | null, side: -1 | 1): number {
  const place = value === null ? NaN : scale.place(value);
  return Number.isFinite(place) ? place : side * FAR;
}

function box(left: number, right: number, bottom: number, top: number): Point[] {
  return [[left, bottom], [right, bottom], [right, top], [left, top]];
}

function bent(points: Point[], logX: boolean, logY: boolean): Point[] {
  const found: Point[] = [];
  const between = (from: number, to: number, share: number, isLog: boolean) =>
    isLog ? from * (to / from) ** share : from + share * (to - from);
  points.forEach((from, i) => {
    const to = points[(i + 1) % points.length];
    for (let k = 0; k < BENDS; k++) {
      const share = k / BENDS;
      found.push([
        between(from[0], to[0], share, logX),
        between(from[1], to[1], share, logY)
      ]);
    }
  });
  return found;
}

/** Without the corners that have no place, as 0 has none on a logarithmic axis. */
function clean(points: Point[]): Point[] {
  return points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
}

/** A line with fewer corners that runs within `tolerance` of the given one (Douglas, Peucker). */
export function simplified(line: Point[], tolerance: number): Point[] {
  if (line.length < 3) {
    return line;
  }
  const [first, last] = [line[0], line[line.length - 1]];
  let furthest = 0;
  let place = 0;
  for (let i = 1; i < line.length - 1; i++) {
    const distance = distanceTo(line[i], first, last);
    if (distance > furthest) {
      [furthest, place] = [distance, i];
    }
  }
  if (furthest <= tolerance) {
    return [first, last];
  }
  return [
    ...simplified(line.slice(0, place + 1), tolerance).slice(0, -1),
    ...simplified(line.slice(place), tolerance)
  ];
}

function distanceTo([x, y]: Point, [x0, y0]: Point, [x1, y1]: Point): number {
  const length = Math.hypot(x1 - x0, y1 - y0);
  return length
    ? Math.abs((y1 - y0) * x - (x1 - x0) * y + x1 * y0 - y1 * x0) / length
    : Math.hypot(x - x0, y - y0);
}
