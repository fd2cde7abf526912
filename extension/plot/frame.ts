/** What lies around and over the points: axes, outlines of gates, the drawing of new ones. */
import { el } from '../shared/dom';
import { type Scale, tickText } from './scales';
import { simplified } from './shapes';

type Point = [number, number];
export type Tool = 'pan' | 'lasso' | 'rectangle' | 'range';

export interface Outline {
  points: Point[];
  color: string;
  isDrawn: boolean;
}

export interface Marked {
  point: Point;
  text: string;
}

const SVG = 'http://www.w3.org/2000/svg';
const LEFT = 58;
const BOTTOM = 38;
const TICK = 80;
const TOLERANCE_PX = 0.7;

export class Frame {
  readonly node = el('div', 'plot-frame');
  readonly host = el('div', 'plot-points');
  private readonly axes = svg('svg', 'plot-axes');
  private readonly over = svg('svg', 'plot-over');
  private readonly tip = el('div', 'plot-tip', { hidden: true });
  private readonly ring = svg('circle', 'plot-ring');
  private scales: { x: Scale; y: Scale; xName: string; yName: string } | null = null;
  private view: { x: Point; y: Point } = { x: [-1, 1], y: [-1, 1] };
  private outlines: Outline[] = [];
  private marked: Point | null = null;
  private tool: Tool = 'pan';

  constructor(
    private readonly drew: (tool: Tool, corners: Point[]) => void,
    private readonly clicked: (place: Point) => void
  ) {
    this.host.append(this.over, this.tip);
    this.node.append(this.axes, this.host);
    this.ring.setAttribute('r', '7');
    // While one draws, the points below must not be moved; with Shift one always draws.
    this.over.addEventListener('pointerdown', this.begin);
    this.host.addEventListener('mousedown', this.shifted, true);
  }

  get size(): { width: number; height: number } {
    return { width: this.host.clientWidth, height: this.host.clientHeight };
  }

  use(tool: Tool): void {
    this.tool = tool;
    this.over.classList.toggle('jp-OmeroJlab-drawing', tool !== 'pan');
  }

  /** Show axes of these scales. */
  label(x: Scale, y: Scale, xName: string, yName: string): void {
    this.scales = { x, y, xName, yName };
    this.redraw();
  }

  /** Take over what of the axes is in view. */
  look(x: Point, y: Point): void {
    this.view = { x: [...x], y: [...y] };
    this.redraw();
  }

  outline(outlines: Outline[]): void {
    this.outlines = outlines;
    this.redraw();
  }

  mark(place: Point | null): void {
    this.marked = place;
    this.redraw();
  }

  /** Say what is under the cursor. */
  tell(place: Point | null, lines: string[]): void {
    this.tip.hidden = !place;
    if (place) {
      const [x, y] = this.pixel(place);
      this.tip.replaceChildren(...lines.map(line => el('div', '', {}, line)));
      const { width, height } = this.size;
      this.tip.style.left = x < width / 2 ? `${x + 12}px` : '';
      this.tip.style.right = x < width / 2 ? '' : `${width - x + 12}px`;
      this.tip.style.top = y < height / 2 ? `${y + 12}px` : '';
      this.tip.style.bottom = y < height / 2 ? '' : `${height - y + 12}px`;
    }
  }

  /** Where a place is drawn, in pixels of the points' rectangle. */
  pixel([x, y]: Point): Point {
    const { width, height } = this.size;
    const { x: across, y: up } = this.view;
    return [
      ((x - across[0]) / (across[1] - across[0])) * width,
      (1 - (y - up[0]) / (up[1] - up[0])) * height
    ];
  }

  redraw(): void {
    const { width, height } = this.size;
    if (!width || !height) {
      return;
    }
    this.drawAxes(width, height);
    const path = (points: Point[]) =>
      `M${points.map(each => this.pixel(each).map(v => v.toFixed(1)).join(',')).join('L')}Z`;
    const shapes = this.outlines.map(({ points, color, isDrawn }) => {
      const made = svg('path', isDrawn ? 'plot-shape plot-drawn' : 'plot-shape');
      made.setAttribute('d', path(points));
      made.setAttribute('stroke', color);
      made.setAttribute('fill', color);
      return made;
    });
    const ring = [];
    if (this.marked) {
      const [x, y] = this.pixel(this.marked);
      this.ring.setAttribute('cx', String(x));
      this.ring.setAttribute('cy', String(y));
      ring.push(this.ring);
    }
    this.over.replaceChildren(...shapes, ...ring);
  }

  private drawAxes(width: number, height: number): void {
    const parts: SVGElement[] = [];
    const line = (x1: number, y1: number, x2: number, y2: number, name: string) => {
      const made = svg('line', name);
      Object.entries({ x1, y1, x2, y2 }).forEach(([k, v]) => made.setAttribute(k, String(v)));
      parts.push(made);
    };
    const text = (x: number, y: number, words: string, anchor: string, turned = false) => {
      const made = svg('text', turned || anchor === 'name' ? 'plot-name' : 'plot-tick');
      made.setAttribute('x', String(x));
      made.setAttribute('y', String(y));
      made.setAttribute('text-anchor', anchor === 'name' ? 'middle' : anchor);
      if (turned) {
        made.setAttribute('transform', `rotate(-90 ${x} ${y})`);
      }
      made.textContent = words;
      parts.push(made);
    };
    if (this.scales) {
      const { x, y, xName, yName } = this.scales;
      const [across, up] = [this.view.x, this.view.y];
      for (const value of x.ticks(across[0], across[1], width / TICK)) {
        const at = LEFT + this.pixel([x.place(value), 0])[0];
        line(at, 0, at, height, 'plot-grid');
        text(at, height + 15, tickText(value), 'middle');
      }
      for (const value of y.ticks(up[0], up[1], height / (TICK / 1.6))) {
        const at = this.pixel([0, y.place(value)])[1];
        line(LEFT, at, LEFT + width, at, 'plot-grid');
        text(LEFT - 6, at + 4, tickText(value), 'end');
      }
      text(LEFT + width / 2, height + BOTTOM - 6, xName, 'name');
      text(13, height / 2, yName, 'middle', true);
    }
    line(LEFT, height, LEFT + width, height, 'plot-line');
    line(LEFT, 0, LEFT, height, 'plot-line');
    this.axes.replaceChildren(...parts);
  }

  private place(event: MouseEvent): Point {
    const box = this.host.getBoundingClientRect();
    const { x, y } = this.view;
    const across = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    const up = Math.max(0, Math.min(1, 1 - (event.clientY - box.top) / box.height));
    return [x[0] + across * (x[1] - x[0]), y[0] + up * (y[1] - y[0])];
  }

  private readonly shifted = (event: MouseEvent): void => {
    if (event.shiftKey && event.button === 0 && this.tool === 'pan') {
      event.stopPropagation();
      event.preventDefault();
      this.follow(event, 'lasso');
    }
  };

  private readonly begin = (event: PointerEvent): void => {
    if (event.button === 0 && this.tool !== 'pan') {
      event.preventDefault();
      this.host.closest<HTMLElement>('[tabindex]')?.focus({ preventScroll: true });
      this.follow(event, this.tool);
    }
  };

  private follow(start: MouseEvent, tool: Tool): void {
    const first = this.place(start);
    const path: Point[] = [first];
    const band = svg('path', 'plot-band');
    const shape = (): Point[] => {
      const [x, y] = path[path.length - 1];
      if (tool === 'lasso') {
        return path;
      }
      const [bottom, top] = tool === 'range' ? this.view.y : [first[1], y];
      return [[first[0], bottom], [x, bottom], [x, top], [first[0], top]];
    };
    const move = (event: PointerEvent) => {
      path.push(this.place(event));
      band.setAttribute(
        'd',
        `M${shape().map(each => this.pixel(each).map(v => v.toFixed(1)).join(',')).join('L')}Z`
      );
      this.over.append(band);
    };
    const stop = (event: Event) => {
      window.removeEventListener('pointermove', move);
      window.removeEventListener('pointerup', stop);
      window.removeEventListener('pointercancel', stop);
      band.remove();
      if (event.type === 'pointercancel') {
        return;
      }
      const pixels = shape().map(each => this.pixel(each));
      const [xs, ys] = [pixels.map(each => each[0]), pixels.map(each => each[1])];
      const extent = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
      if (path.length === 1 || extent < 4) {
        this.clicked(first);
      } else {
        this.drew(tool, tool === 'lasso' ? this.smooth(path) : shape());
      }
    };
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', stop);
    window.addEventListener('pointercancel', stop);
  }

  /** A hand's line with no more corners than can be seen, and than a gate may have. */
  private smooth(path: Point[]): Point[] {
    const pixels = path.map(each => this.pixel(each));
    let tolerance = TOLERANCE_PX;
    let found = simplified(pixels, tolerance);
    while (found.length > 300) {
      tolerance *= 2;
      found = simplified(pixels, tolerance);
    }
    const { width, height } = this.size;
    const { x, y } = this.view;
    return found.map(([px, py]): Point => [
      x[0] + (px / width) * (x[1] - x[0]),
      y[0] + (1 - py / height) * (y[1] - y[0])
    ]);
  }
}

function svg<K extends keyof SVGElementTagNameMap>(tag: K, name: string): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, tag);
  made.setAttribute('class', name.split(' ').map(each => `jp-OmeroJlab-${each}`).join(' '));
  return made;
}
