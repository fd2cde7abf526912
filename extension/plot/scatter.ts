/** The points themselves: regl-scatterplot behind a small face. */
import createScatterplot from 'regl-scatterplot';

import type { Coloring, Rgb } from './colors';

const MANY = 100_000;
const DIMMED = 0.45;
// So many opaque points would be a blot.
const BLOT = 5_000;

export interface Theme {
  back: Rgb;
  point: Rgb;
  selected: Rgb;
  hover: Rgb;
}

export interface ScatterEvents {
  /** The places that are in view, from -1 to 1 where all is. */
  viewed(x: [number, number], y: [number, number]): void;
  hovered(point: number | null): void;
  clicked(point: number): void;
}

/** As much of a d3 scale as regl-scatterplot needs to say what is in view. */
class View {
  now: [number, number] = [-1, 1];

  domain(wanted?: [number, number]): [number, number] | this {
    if (!wanted) {
      return this.now;
    }
    this.now = wanted;
    return this;
  }

  range(): this {
    return this;
  }
}

export class Scatter {
  readonly canvas = document.createElement('canvas');
  private readonly plot: ReturnType<typeof createScatterplot>;
  private readonly x = new View();
  private readonly y = new View();
  private selected: number[] = [];
  private isDisposed = false;

  constructor(
    private readonly parent: HTMLElement,
    private theme: Theme,
    private readonly count: number,
    private readonly events: ScatterEvents
  ) {
    parent.prepend(this.canvas);
    const { width, height } = this.size;
    this.plot = createScatterplot({
      canvas: this.canvas,
      width,
      height,
      aspectRatio: width / height,
      xScale: this.x as never,
      yScale: this.y as never,
      pointSize: count < 2_000 ? 8 : count < 20_000 ? 5 : count < MANY ? 3 : 1.5,
      pointSizeSelected: count < 20_000 ? 3 : 1,
      pointOutlineWidth: 1,
      opacityBy: 'density',
      opacityInactiveMax: DIMMED,
      renderPointsAsSquares: count >= MANY,
      lassoOnLongPress: false,
      actionKeyMap: {},
      deselectOnDblClick: false,
      deselectOnEscape: false,
      ...colorsOf(theme, null)
    } as never);
    if (!this.plot.isSupported) {
      this.dispose();
      throw new Error(
        'This browser draws no WebGL with floating-point textures, which the plot needs: ' +
          'switch hardware acceleration on, or take another browser.'
      );
    }
    const camera = this.plot.get('camera');
    camera.config({ isRotate: false });
    camera.setScaleBounds([0.5, 5_000]);
    this.plot.subscribe('drawing', () => this.events.viewed(this.x.now, this.y.now));
    this.plot.subscribe('pointOver', point => this.events.hovered(point));
    this.plot.subscribe('pointOut', () => this.events.hovered(null));
    this.plot.subscribe('select', ({ points }) => {
      // What was clicked is marked; what was selected before stays selected.
      this.plot.select([...this.selected], { preventEvent: true });
      this.events.clicked(points[0]);
    });
  }

  /** Draw points at places from -1 to 1. */
  async draw(x: Float32Array, y: Float32Array, coloring: Coloring | null, theme: Theme): Promise<void> {
    await this.plot.set({ colorBy: coloring ? 'valueA' : null, ...colorsOf(theme, coloring) } as never);
    const points = coloring ? { x, y, valueA: coloring.codes } : { x, y };
    await this.plot.draw(points as never, { zDataType: 'categorical' });
  }

  /** Make these points stand out, none without any. */
  select(points: number[]): void {
    this.selected = points;
    if (points.length) {
      void this.plot.set(this.opacity(points.length) as never);
      // The library sorts and cuts the array that it is given.
      this.plot.select([...points], { preventEvent: true });
    } else {
      void this.plot.set(this.opacity(0) as never);
      this.plot.deselect({ preventEvent: true });
    }
  }

  /** By density; selected points are opaque then, which only few should be. */
  private opacity(selected: number): Record<string, unknown> {
    const share = Math.max(0.06, Math.min(0.8, 20_000 / this.count));
    const isBlot = selected > BLOT;
    return {
      opacityBy: isBlot ? null : 'density',
      opacity: isBlot ? share : 1,
      pointColorActive: [...this.theme.selected, isBlot ? share : 1]
    };
  }

  async paint(theme: Theme, coloring: Coloring | null): Promise<void> {
    this.theme = theme;
    await this.plot.set(colorsOf(theme, coloring) as never);
    await this.plot.set(this.opacity(this.selected.length) as never);
  }

  async resize(): Promise<void> {
    const { width, height } = this.size;
    await this.plot.set({ width, height, aspectRatio: width / height });
  }

  /** Show all points. */
  fit(): void {
    this.plot.reset();
  }

  zoom(factor: number): void {
    this.plot.get('camera').scale([factor, factor], [0, 0]);
    this.plot.redraw();
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.isDisposed = true;
      this.plot.destroy();
      this.canvas.remove();
    }
  }

  private get size(): { width: number; height: number } {
    return {
      width: Math.max(1, this.parent.clientWidth),
      height: Math.max(1, this.parent.clientHeight)
    };
  }
}

function colorsOf(theme: Theme, coloring: Coloring | null): Record<string, unknown> {
  return {
    backgroundColor: [...theme.back, 1],
    pointColor: coloring ? coloring.colors.map(color => [...color, 1]) : [...theme.point, 1],
    pointColorActive: [...theme.selected, 1],
    pointColorHover: [...theme.hover, 1]
  };
}
