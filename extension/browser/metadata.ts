/** What is known about one object: its sizes and channels, tags, key-values and the rest. */
import { el, notice, shown, wasAborted } from '../shared/dom';
import type { Annotation, Attached, Image, Provenance, Table } from '../shared/records';
import { json, type Transport } from '../shared/request';
import { provenanceOf } from './provenance';
import type { Item } from './thumbnails';

export class Metadata {
  readonly node = el('div', 'metadata', { hidden: true });
  private abort = new AbortController();

  constructor(
    private readonly transport: Transport,
    /** Somebody wants to see a table's rows; absent where nothing shows them. */
    private readonly openTable?: (table: Table) => void
  ) {}

  /** Show one object; nothing for null. */
  async show(item: Item | null): Promise<void> {
    this.abort.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    this.node.hidden = !item || item.kind.startsWith('orphaned');
    if (!item || this.node.hidden) {
      return;
    }
    try {
      const [image, attached] = await Promise.all([
        item.kind === 'image' ? json<Image>(this.transport, `images/${item.id}`, signal) : null,
        json<Attached[]>(this.transport, `objects/${item.kind}/${item.id}/annotations`, signal)
      ]);
      this.node.replaceChildren(
        el('h3', 'title', { title: item.name }, item.name),
        facts([
          ['Kind', `${item.kind} ${item.id}`],
          ...(image ? factsOf(image) : [])
        ]),
        ...(image ? [channels(image)] : []),
        ...annotations(attached.map(each => each.annotation), this.openTable)
      );
    } catch (error) {
      if (!wasAborted(error)) {
        this.node.replaceChildren(notice(error, () => void this.show(item)));
      }
    }
  }

  dispose(): void {
    this.abort.abort();
  }
}

type Fact = [string, string | null];

function factsOf(image: Image): Fact[] {
  const { t, c, z, y, x } = image.sizes;
  const size = (value: number | null) => (value ? shown(value) : '–');
  const { pixel_size_x_um: px, pixel_size_y_um: py, pixel_size_z_um: pz } = image;
  return [
    ['Size', `${x} × ${y} pixels`],
    ['T, C, Z', `${t}, ${c}, ${z}`],
    ['Pixel', px || py ? `${size(px)} × ${size(py)}${pz ? ` × ${size(pz)}` : ''} µm` : null],
    ['Time step', image.time_step_s ? `${shown(image.time_step_s)} s` : null],
    ['Values', image.is_rgb ? `${image.dtype}, colour picture` : image.dtype],
    ['Levels', image.levels.length > 1 ? String(image.levels.length) : null],
    ['Format', image.format],
    ['Acquired', image.acquired_at ? new Date(image.acquired_at).toLocaleString() : null],
    ['Description', image.description || null]
  ];
}

function facts(all: Fact[]): HTMLElement {
  return el(
    'div',
    'facts',
    {},
    ...all.flatMap(([name, value]) =>
      value ? [el('span', 'fact-name', {}, name), el('span', 'fact', {}, value)] : []
    )
  );
}

function channels(image: Image): HTMLElement {
  return el(
    'div',
    'chips',
    {},
    ...(image.is_rgb ? [] : image.channels).map((channel, c) => {
      const swatch = el('span', 'swatch');
      swatch.style.background = `#${channel.color}`;
      const wave = channel.emission_nm ? ` ${shown(channel.emission_nm)} nm` : '';
      return el('span', 'chip', {}, swatch, `${channel.name || `Channel ${c + 1}`}${wave}`);
    })
  );
}

function annotations(
  all: Annotation[],
  openTable: ((table: Table) => void) | undefined
): HTMLElement[] {
  const of = <K extends Annotation['kind']>(kind: K) =>
    all.filter((each): each is Extract<Annotation, { kind: K }> => each.kind === kind);
  const section = (title: string, ...children: HTMLElement[]) =>
    children.length ? [el('h4', '', {}, title), ...children] : [];
  const line = (name: HTMLElement | string, detail: string, title: string, made?: Provenance | null) =>
    el(
      'div',
      'fact-line',
      { title: made ? undefined : title },
      name,
      el('span', 'fact-name', {}, detail),
      provenanceOf(made)
    );
  const table = (each: Table) =>
    openTable
      ? el(
          'button',
          'link',
          { type: 'button', title: 'Show the rows', onclick: () => openTable(each) },
          each.name
        )
      : each.name;
  return [
    ...section(
      'Tags',
      ...(of('tag').length
        ? [el('div', 'chips', {}, ...of('tag').map(each => el('span', 'chip tag', {}, each.name)))]
        : [])
    ),
    ...section('Key-values', ...of('key-values').map(each => facts(each.pairs))),
    ...section('Comments', ...of('comment').map(each => el('blockquote', '', {}, each.text))),
    ...section(
      'Tables',
      ...of('table').map(each =>
        line(
          table(each),
          `${counted(each.rows, 'row')}, ${counted(each.columns.length, 'column')}`,
          each.columns.map(({ name }) => name).join(', '),
          each.provenance
        )
      )
    ),
    ...section(
      'Labels',
      ...of('labels').map(each =>
        line(each.name, counted(each.maximum, 'object'), each.name, each.provenance)
      )
    ),
    ...section('Files', ...of('file').map(each => line(each.name, bytes(each.size), each.name)))
  ];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(size, 1)) / 3));
  return `${Number((size / 1000 ** power).toPrecision(3))} ${units[power]}`;
}
