/** Tree, thumbnails, filter, search and metadata: the repository at a glance. */
import { debounced, el, notice } from '../shared/dom';
import type { Hit, Image, Node, Page, Table } from '../shared/records';
import { json, type Transport, withQuery } from '../shared/request';
import { HealthLine } from './health';
import { Metadata } from './metadata';
import { firstSteps } from './newcomer';
import { type GridEvents, type Item, itemOf, type Listing, Thumbnails } from './thumbnails';
import { childrenPath, Tree } from './tree';

const LIMIT = 200;
const HITS = 100;
const QUIET_MS = 250;
const EVERY_GROUP = -1;

export interface BrowserEvents extends GridEvents {
  /** Somebody wants to see the rows of a table; absent where nothing shows them. */
  tableOpened?(table: Table): void;
}

export class RepositoryBrowser {
  readonly node = el('div', 'browser', { 'data-lm-suppress-shortcuts': 'true' });
  private readonly tree: Tree;
  private readonly grid: Thumbnails;
  private readonly metadata: Metadata;
  private readonly health: HealthLine;
  private readonly group = el('select', 'group', {
    'aria-label': 'Group',
    onchange: () => void this.reload()
  });
  private readonly filterField = this.field('Filter by name', () => this.filter.now());
  private readonly searchField = this.field('Search everything', () => this.search.now());
  private readonly place = el('div', 'place');
  private readonly heading = el('div', 'toolbar');
  private container: Node | null = null;
  private canWrite = true;

  constructor(
    private readonly transport: Transport,
    private readonly events: BrowserEvents,
    private readonly filtered: (text: string) => void = () => undefined
  ) {
    this.tree = new Tree(transport, node => this.enter(node));
    this.grid = new Thumbnails(transport, {
      selected: items => {
        void this.metadata.show(items.length === 1 ? items[0] : null);
        events.selected(items);
      },
      opened: item => this.open(item),
      dragged: events.dragged
    });
    this.metadata = new Metadata(transport, events.tableOpened);
    this.health = new HealthLine(transport);
  }

  /** Fetch and show what is at the root. */
  async start(): Promise<void> {
    try {
      const status = await this.health.look();
      this.canWrite = status.health.writable;
      this.group.replaceChildren(
        el('option', '', { value: EVERY_GROUP }, 'All groups'),
        ...status.groups.map(({ id, name }) => el('option', '', { value: id }, name))
      );
      this.group.hidden = status.groups.length < 2;
    } catch (error) {
      this.node.replaceChildren(notice(error, () => void this.start()));
      return;
    }
    this.health.watch();
    this.heading.replaceChildren(this.place, this.filterField, this.grid.status);
    const reload = el(
      'button',
      'button icon-button',
      { type: 'button', title: 'Look again', 'aria-label': 'Look again', onclick: () => void this.reload() },
      '↻'
    );
    this.node.replaceChildren(
      el('div', 'toolbar', {}, this.group, this.searchField, reload, this.health.button),
      this.health.node,
      this.health.about,
      el(
        'div',
        'panes',
        {},
        el('div', 'pane tree-pane', {}, this.tree.node),
        el(
          'div',
          'pane grid-pane',
          {},
          this.heading,
          this.grid.node
        ),
        this.metadata.node
      )
    );
    await this.fill();
  }

  /** Look again at the repository, its tree and what is open. */
  async reload(): Promise<void> {
    if (!this.group.options.length) {
      return this.start();
    }
    await this.health.look().then(
      status => {
        this.canWrite = status.health.writable;
      },
      () => undefined
    );
    return this.fill();
  }

  private async fill(): Promise<void> {
    const { container } = this;
    await this.tree.load(Number(this.group.value));
    if (container) {
      this.enter(container);
    } else {
      this.greet();
    }
  }

  /** Show only what has `text` in its name. */
  setFilter(text: string): void {
    if (text !== this.filterField.value) {
      this.filterField.value = text;
      this.list();
    }
  }

  dispose(): void {
    this.filter.cancel();
    this.search.cancel();
    this.grid.dispose();
    this.metadata.dispose();
    this.health.dispose();
    this.node.remove();
  }

  private greet(): void {
    this.heading.hidden = true;
    this.grid.clear();
    this.grid.node.append(
      this.tree.isEmpty && Number(this.group.value) === EVERY_GROUP
        ? firstSteps(this.canWrite)
        : el(
            'p',
            'empty',
            {},
            'Choose a project, dataset, screen or plate. A double click on an image shows it.'
          )
    );
  }

  private open(item: Item): void {
    if (item.kind === 'image') {
      this.events.opened(item);
    } else {
      const rights = { can_annotate: false, can_edit: false, can_delete: false, can_link: false };
      this.enter({ ...item, child_count: 0, owner_id: 0, group_id: 0, rights });
    }
  }

  private enter(node: Node): void {
    this.container = node;
    this.searchField.value = '';
    void this.metadata.show(node);
    this.list();
  }

  private head(text: string, filters: boolean): void {
    this.heading.hidden = false;
    this.place.textContent = text;
    this.filterField.hidden = !filters;
  }

  private list(): void {
    const { container } = this;
    if (!container) {
      return;
    }
    this.head(container.name, true);
    const filter = this.filterField.value.trim();
    const nothing = filter ? `Nothing here has “${filter}” in its name.` : 'Nothing is here.';
    const load =
      container.kind === 'plate' ? () => this.ofPlate(container, filter) : () => this.of(container, filter);
    void this.grid.show(load, nothing);
  }

  private async of(container: Node, filter: string, after: string | null = null): Promise<Listing> {
    const group = Number(this.group.value);
    const page = await json<Page>(
      this.transport,
      childrenPath(container, { group, filter, after, limit: LIMIT })
    );
    return {
      items: page.nodes,
      total: page.total,
      more: page.next === null ? null : () => this.of(container, filter, page.next)
    };
  }

  /** All images of a plate, without the wells between. */
  private async ofPlate(plate: Node, filter: string, after = 0): Promise<Listing> {
    const images = await json<Image[]>(
      this.transport,
      withQuery('images', { plate_id: plate.id, after, limit: LIMIT })
    );
    const word = filter.toLowerCase();
    return {
      items: images
        .filter(each => each.name.toLowerCase().includes(word))
        .map(({ id, name }) => ({ kind: 'image', id, name })),
      total: null,
      more:
        images.length < LIMIT ? null : () => this.ofPlate(plate, filter, images[images.length - 1].id)
    };
  }

  private readonly filter = this.delayed(() => {
    this.filtered(this.filterField.value);
    this.list();
  });

  private readonly search = this.delayed(() => {
    const text = this.searchField.value.trim();
    if (!text) {
      if (this.container) {
        this.enter(this.container);
      } else {
        this.greet();
      }
      return;
    }
    this.head(`Found: ${text}`, false);
    void this.metadata.show(null);
    void this.grid.show(async () => {
      const hits = await json<Hit[]>(
        this.transport,
        withQuery('search', { text, limit: HITS })
      );
      return { items: hits.map(itemOf), total: null, more: null };
    }, 'Nothing was found.');
  });

  private delayed(call: () => void): { now(): void; cancel(): void } {
    const later = debounced(call, QUIET_MS);
    return { now: later, cancel: later.cancel };
  }

  private field(label: string, oninput: () => void): HTMLInputElement {
    return el('input', 'field', { type: 'search', placeholder: label, 'aria-label': label, oninput });
  }
}
