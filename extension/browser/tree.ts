/** The repository as a tree: branches load when they open, and long ones page by page. */
import { el, icon, notice } from '../shared/dom';
import type { Node, Page } from '../shared/records';
import { json, type Transport, withQuery } from '../shared/request';

const LIMIT = 200;

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
    if (!list.children.length) {
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
    this.selected = item;
    this.chosen(this.nodes.get(item)!.node);
  }

  private keydown(event: KeyboardEvent): void {
    const all = [...this.node.querySelectorAll<HTMLElement>('[role=treeitem]')].filter(
      each => !each.parentElement!.closest('[hidden]')
    );
    const at = this.selected ? all.indexOf(this.selected) : -1;
    const step: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in step) {
      const next = all[Math.max(0, Math.min(all.length - 1, at + step[event.key]))];
      if (next) {
        this.select(next);
        next.scrollIntoView({ block: 'nearest' });
      }
    } else if (this.selected && (event.key === 'ArrowRight' || event.key === 'ArrowLeft')) {
      this.nodes.get(this.selected)!.open(event.key === 'ArrowRight');
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
