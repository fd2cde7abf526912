/** The channel panel: what is drawn, in which colour, between which values. */
import { el } from '../shared/dom';
import type { ChannelSettings, Histogram, Image, Settings } from '../shared/records';
import { curveFields } from './curve';
import { rangeOf, shortDtype } from './decode';
import { scaled } from './project';
import { ChannelWindow } from './window';

export class ChannelPanel {
  readonly node: HTMLElement;
  private readonly rows = el('div', 'channels');
  private readonly histograms = new Map<number, Histogram>();
  private readonly windows = new Map<number, ChannelWindow>();
  private readonly grey: HTMLInputElement;
  private readonly log: HTMLInputElement;
  private settings!: Settings;
  private tables: string[] = [];
  private factor = 1;

  constructor(
    private readonly image: Image,
    private readonly changed: (settings: Settings) => void
  ) {
    const box = (onchange: (checked: boolean) => void) => {
      const made = el('input', '', { type: 'checkbox', onchange: () => onchange(made.checked) });
      return made;
    };
    this.grey = box(greyscale => {
      this.settings = { ...this.settings, greyscale };
      this.changed(this.settings);
    });
    this.log = box(() => this.draw());
    // Most pixels are background: with plain counts nothing else is seen.
    this.log.checked = true;
    const label = (input: HTMLInputElement, text: string, title: string) =>
      el('label', 'channel-head', { title }, input, text);
    this.node = el(
      'div',
      '',
      {},
      el(
        'div',
        'channel-options',
        { hidden: image.is_rgb },
        label(this.grey, 'Greyscale', 'Draw the first channel that is on, in grey'),
        label(this.log, 'Log counts', 'Histograms with the logarithm of their counts')
      ),
      this.rows
    );
  }

  /** Show `settings`, which are for single planes; windows are `factor` times theirs. */
  show(settings: Settings, factor = this.factor): void {
    this.settings = settings;
    this.factor = factor;
    this.grey.checked = settings.greyscale;
    this.windows.clear();
    const rows = settings.is_rgb
      ? [el('p', 'hint', {}, 'A colour picture, drawn as it is.')]
      : scaled(settings, factor).channels.map((channel, c) => this.row(channel, c));
    this.rows.replaceChildren(...rows);
    this.draw();
  }

  /** Show how often values occur in channel `c` of single planes. */
  showHistogram(c: number, histogram: Histogram): void {
    this.histograms.set(c, histogram);
    const channel = scaled(this.settings, this.factor).channels[c];
    if (channel) {
      this.windows.get(c)?.reach(...this.limits(channel, c));
      this.draw();
    }
  }

  /** Let channels be drawn with the lookup tables of these names. */
  offer(tables: string[]): void {
    this.tables = tables;
    if (this.settings && !this.node.contains(document.activeElement)) {
      this.show(this.settings);
    }
  }

  /** Switch channel `c` on or off. */
  toggle(c: number): void {
    const channel = this.settings.channels[c];
    if (channel && !this.settings.is_rgb) {
      this.set(c, { active: !channel.active });
      this.show(this.settings);
    }
  }

  private draw(): void {
    for (const [c, window] of this.windows) {
      const found = this.histograms.get(c);
      const drawn = found && { ...found, low: found.low * this.factor, high: found.high * this.factor };
      window.show(drawn ?? null, this.log.checked);
    }
  }

  private set(c: number, change: Partial<ChannelSettings>): void {
    this.settings = {
      ...this.settings,
      channels: this.settings.channels.map((each, i) => (i === c ? { ...each, ...change } : each))
    };
    this.changed(this.settings);
  }

  private row(channel: ChannelSettings, c: number): HTMLElement {
    const name = this.image.channels[c]?.name || `Channel ${c + 1}`;
    const box = el('input', '', {
      type: 'checkbox',
      checked: channel.active,
      'aria-label': `Show ${name}`,
      onchange: (event: Event) => {
        const active = (event.target as HTMLInputElement).checked;
        row.toggleAttribute('data-off', !active);
        this.set(c, { active });
      }
    });
    const color = el('input', 'color', {
      type: 'color',
      value: `#${channel.color.toLowerCase()}`,
      'aria-label': `Colour of ${name}`,
      oninput: (event: Event) => {
        const picked = (event.target as HTMLInputElement).value.slice(1).toUpperCase();
        row.style.setProperty('--jp-OmeroJlab-channel', `#${picked}`);
        this.set(c, { color: picked });
      }
    });
    const isWhole = shortDtype(this.image.dtype)[0] !== 'f';
    const { start, end } = channel;
    const window = new ChannelWindow(name, { start, end }, this.limits(channel, c), isWhole, edges =>
      this.set(c, { start: edges.start / this.factor, end: edges.end / this.factor })
    );
    this.windows.set(c, window);
    const row = el(
      'div',
      'channel',
      { 'data-off': !channel.active, 'data-channel': c },
      el('label', 'channel-head', {}, box, el('span', 'channel-name', { title: name }, name)),
      color,
      window.node,
      curveFields(channel, name, this.tables, change => this.set(c, change))
    );
    row.style.setProperty('--jp-OmeroJlab-channel', `#${channel.color}`);
    return row;
  }

  /** What the handles span: the pixels' own range where known, and always the window. */
  private limits(channel: ChannelSettings, c: number): [number, number] {
    const known = this.image.channels[c];
    const counted = this.histograms.get(c);
    const range = rangeOf(this.image.dtype);
    const low = known?.minimum ?? counted?.low ?? range?.[0] ?? known?.window_start ?? 0;
    const high = known?.maximum ?? counted?.high ?? range?.[1] ?? known?.window_end ?? 1;
    return [
      Math.min(low * this.factor, channel.start),
      Math.max(high * this.factor, channel.end)
    ];
  }
}
