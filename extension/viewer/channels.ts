/** The channel panel: what is drawn, in which colour, between which values. */
import { el, shown } from '../shared/dom';
import type { ChannelSettings, Family, Image, Settings } from '../shared/records';
import { rangeOf, shortDtype } from './decode';

const FAMILIES: Family[] = ['linear', 'polynomial', 'exponential', 'logarithmic'];
const STEPS = 1000;

/** How an image is drawn before anybody chose: the windows and colours of its channels. */
export function defaultSettings(image: Image, now: Settings): Settings {
  return {
    ...now,
    greyscale: false,
    is_rgb: image.is_rgb,
    channels: image.channels.map((channel, c) => ({
      active: image.is_rgb || c < 3,
      color: channel.color,
      start: channel.window_start,
      end: channel.window_end > channel.window_start ? channel.window_end : channel.window_start + 1,
      family: 'linear',
      coefficient: 1,
      reverse: false,
      gamma: 1,
      lut: ''
    }))
  };
}

export class ChannelPanel {
  readonly node = el('div', 'channels');
  private settings!: Settings;
  private tables: string[] = [];

  constructor(
    private readonly image: Image,
    private readonly changed: (settings: Settings) => void
  ) {}

  /** Show `settings`; a row that somebody is working in stays. */
  show(settings: Settings): void {
    this.settings = settings;
    const rows = settings.is_rgb
      ? [el('p', 'hint', {}, 'A colour picture, drawn as it is.')]
      : settings.channels.map((channel, c) => this.row(channel, c));
    this.node.replaceChildren(...rows);
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
    const row = el(
      'div',
      'channel',
      { 'data-off': !channel.active, 'data-channel': c },
      el('label', 'channel-head', {}, box, el('span', 'channel-name', { title: name }, name)),
      color,
      this.window(channel, c, name),
      this.curve(channel, c, name)
    );
    row.style.setProperty('--jp-OmeroJlab-channel', `#${channel.color}`);
    return row;
  }

  private window(channel: ChannelSettings, c: number, name: string): HTMLElement {
    const [low, high] = this.limits(channel, c);
    const whole = shortDtype(this.image.dtype)[0] !== 'f';
    const step = whole ? Math.max(1, Math.round((high - low) / 65535)) : (high - low) / STEPS;
    const least = whole ? 1 : (high - low) / 1e6 || 1e-6;
    const made = (type: string, edge: 'start' | 'end') =>
      el('input', type === 'range' ? edge : '', {
        type,
        min: type === 'range' ? low : undefined,
        max: type === 'range' ? high : undefined,
        step: type === 'range' ? step : 'any',
        value: type === 'range' ? channel[edge] : shown(channel[edge]),
        'aria-label': `${edge === 'start' ? 'Black' : 'Full colour'} of ${name}`
      });
    const sliders = { start: made('range', 'start'), end: made('range', 'end') };
    const fields = { start: made('number', 'start'), end: made('number', 'end') };
    const track = el('div', 'range', {}, sliders.start, sliders.end);
    const now = { start: channel.start, end: channel.end };
    const fill = () => {
      const share = (value: number) => `${(100 * (value - low)) / (high - low || 1)}%`;
      track.style.setProperty('--jp-OmeroJlab-from', share(now.start));
      track.style.setProperty('--jp-OmeroJlab-to', share(now.end));
    };
    const take = (edge: 'start' | 'end', value: number, typed: boolean) => {
      if (!Number.isFinite(value)) {
        return;
      }
      now[edge] = edge === 'start' ? Math.min(value, now.end - least) : Math.max(value, now.start + least);
      sliders[edge].value = String(now[edge]);
      if (!typed || now[edge] !== value) {
        fields[edge].value = shown(now[edge]);
      }
      fill();
      this.set(c, { ...now });
    };
    for (const edge of ['start', 'end'] as const) {
      sliders[edge].addEventListener('input', () => take(edge, sliders[edge].valueAsNumber, false));
      fields[edge].addEventListener('change', () => take(edge, fields[edge].valueAsNumber, true));
    }
    fill();
    return el('div', 'window', {}, track, fields.start, fields.end);
  }

  private curve(channel: ChannelSettings, c: number, name: string): HTMLElement {
    const number = (label: string, value: number, key: 'gamma' | 'coefficient') =>
      el(
        'label',
        '',
        {},
        label,
        el('input', '', {
          type: 'number',
          min: 0.01,
          step: 'any',
          value,
          'aria-label': `${label} of ${name}`,
          onchange: (event: Event) => {
            const found = (event.target as HTMLInputElement).valueAsNumber;
            if (found > 0) {
              this.set(c, { [key]: found });
            }
          }
        })
      );
    const choose = el(
      'select',
      '',
      {
        'aria-label': `Curve of ${name}`,
        onchange: (event: Event) =>
          this.set(c, { family: (event.target as HTMLSelectElement).value as Family })
      },
      ...FAMILIES.map(each =>
        el('option', '', { value: each, selected: each === channel.family }, each)
      )
    );
    const lut = channel.lut ?? '';
    const known = ['', ...new Set([...this.tables, ...(lut ? [lut] : [])])];
    const table = el(
      'select',
      '',
      {
        'aria-label': `Lookup table of ${name}`,
        onchange: (event: Event) =>
          this.set(c, { lut: (event.target as HTMLSelectElement).value })
      },
      ...known.map(each =>
        el('option', '', { value: each, selected: each === lut }, each || 'one colour')
      )
    );
    const reverse = el('input', '', {
      type: 'checkbox',
      checked: channel.reverse,
      onchange: (event: Event) =>
        this.set(c, { reverse: (event.target as HTMLInputElement).checked })
    });
    const plain =
      channel.family === 'linear' && channel.gamma === 1 && !channel.reverse && !lut;
    return el(
      'details',
      'curve',
      { open: !plain },
      el('summary', '', {}, 'Curve'),
      el(
        'div',
        'curve-fields',
        {},
        choose,
        table,
        number('k', channel.coefficient, 'coefficient'),
        number('γ', channel.gamma, 'gamma'),
        el('label', '', {}, reverse, 'invert')
      )
    );
  }

  /** What the sliders span: the pixels' own range where known, and always the window. */
  private limits(channel: ChannelSettings, c: number): [number, number] {
    const known = this.image.channels[c];
    const range = rangeOf(this.image.dtype);
    const low = known?.minimum ?? range?.[0] ?? known?.window_start ?? channel.start;
    const high = known?.maximum ?? range?.[1] ?? known?.window_end ?? channel.end;
    return [Math.min(low, channel.start), Math.max(high, channel.end)];
  }
}
