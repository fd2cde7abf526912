/** The repository as a tree: branches load when they open, and long ones page by page. */
import { el, icon, notice } from '../shared/dom';
import type { Node, Page } from '../shared/records';
import { json, type Transport, withQuery } from '../shared/request';

const LIMIT = 200;

/** How many lines there ever were: a line's id must be the only one on the page. */
let made = 0;

/** The path that lists what lies in `node`, or at the root. */
export function childrenPath(
  node: Node | null,
  query: { group: number; filter?: string; after?: string | null; limit?: number }
): string {
  return withQuery('browse/children', {
    kind: node?.kind,
    id: node?.id,
    group: query.group,
    filter: query.filter || undefined,
    after: query.after,
    limit: query.limit ?? LIMIT
  });
}

export class Tree {
  readonly node = el('div', 'tree', {
    role: 'tree',
    tabindex: 0,
    'aria-label': 'Repository',
    onkeydown: (event: KeyboardEvent) => this.keydown(event)
  });
  private group = -1;
  private selected: HTMLElement | null = null;
  /** Whether the last `load` found nothing at all. */
  isEmpty = false;

  constructor(
    private readonly transport: Transport,
    private readonly chosen: (node: Node) => void
  ) {}

  /** Begin anew with what a group has; -1 is every group. */
  async load(group: number): Promise<void> {
    this.group = group;
    this.selected = null;
    const list = el('ul', 'branch', { role: 'group' });
    this.node.replaceChildren(list);
    await this.fill(list, null, null);
    this.isEmpty = !list.children.length;
    if (this.isEmpty) {
      list.append(el('li', 'empty', {}, 'Nothing is here yet.'));
    }
  }

  private async fill(list: HTMLElement, parent: Node | null, after: string | null): Promise<void> {
    const wait = el('li', 'empty', {}, 'Loading …');
    list.append(wait);
    try {
      const page = await json<Page>(
        this.transport,
        childrenPath(parent, { group: this.group, after })
      );
      wait.remove();
      const branches = page.nodes.filter(each => each.kind !== 'image');
      list.append(...branches.map(each => this.branch(each)));
      if (page.next && branches.length) {
        const more = el(
          'li',
          '',
          {},
          el('button', 'button', {
            type: 'button',
            onclick: () => {
              more.remove();
              void this.fill(list, parent, page.next);
            }
          }, 'More …')
        );
        list.append(more);
      }
    } catch (error) {
      wait.replaceChildren(
        notice(error, () => {
          wait.remove();
          void this.fill(list, parent, after);
        })
      );
    }
  }

  private branch(node: Node): HTMLElement {
    // Images are shown as thumbnails: a dataset has nothing to open here.
    const opens = node.child_count > 0 && !['dataset', 'well', 'orphaned-images'].includes(node.kind);
    const list = el('ul', 'branch', { role: 'group', hidden: true });
    const twisty = el('span', 'twisty', { 'aria-hidden': true }, opens ? '▸' : '');
    const line = el(
      'div',
      'line',
      {
        title: node.name,
        onclick: (event: MouseEvent) => {
          if (event.target === twisty) {
            open();
          } else {
            this.select(item);
          }
        },
        ondblclick: () => open()
      },
      twisty,
      icon(node.kind),
      el('span', 'name', {}, node.name),
      node.child_count ? el('span', 'count', {}, String(node.child_count)) : null
    );
    const item = el(
      'li',
      'item',
      {
        id: `jp-OmeroJlab-node-${++made}`,
        role: 'treeitem',
        'data-kind': node.kind,
        'data-id': node.id,
        'aria-expanded': opens ? 'false' : undefined
      },
      line,
      list
    );
    const open = (wanted?: boolean) => {
      const now = wanted ?? list.hidden;
      if (opens && now === list.hidden) {
        list.hidden = !now;
        twisty.textContent = now ? '▾' : '▸';
        item.setAttribute('aria-expanded', String(now));
        if (now && !list.children.length) {
          void this.fill(list, node, null);
        }
      }
    };
    this.nodes.set(item, { node, open });
    return item;
  }

  private readonly nodes = new WeakMap<
    HTMLElement,
    { node: Node; open: (wanted?: boolean) => void }
  >();

  private select(item: HTMLElement): void {
    this.selected?.removeAttribute('aria-selected');
    item.setAttribute('aria-selected', 'true');
    this.node.setAttribute('aria-activedescendant', item.id);
    this.selected = item;
    this.chosen(this.nodes.get(item)!.node);
  }

  private keydown(event: KeyboardEvent): void {
    const all = [...this.node.querySelectorAll<HTMLElement>('[role=treeitem]')].filter(
      each => !each.parentElement!.closest('[hidden]')
    );
    const { selected } = this;
    const at = selected ? all.indexOf(selected) : -1;
    const isOpen = selected?.getAttribute('aria-expanded') === 'true';
    let next: HTMLElement | null | undefined;
    switch (event.key) {
      case 'ArrowDown':
        next = all[Math.min(all.length - 1, at + 1)];
        break;
      case 'ArrowUp':
        next = all[Math.max(0, at - 1)];
        break;
      case 'Home':
        next = all[0];
        break;
      case 'End':
        next = all[all.length - 1];
        break;
      case 'ArrowRight':
        if (isOpen) {
          next = selected!.querySelector<HTMLElement>('[role=treeitem]');
        } else {
          this.open(selected, true);
        }
        break;
      case 'ArrowLeft':
        if (isOpen) {
          this.open(selected, false);
        } else {
          next = selected?.parentElement?.closest<HTMLElement>('[role=treeitem]');
        }
        break;
      case 'Enter':
        this.open(selected);
        break;
      default:
        return;
    }
    if (next && next !== selected) {
      this.select(next);
      next.scrollIntoView({ block: 'nearest' });
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private open(item: HTMLElement | null, wanted?: boolean): void {
    if (item) {
      this.nodes.get(item)!.open(wanted);
    }
  }
}
