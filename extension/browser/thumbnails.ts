/** A grid of what lies in a container: thumbnails of images, cards of everything else. */
import { el, icon, notice, wasAborted } from '../shared/dom';
import type { Hit, Kind } from '../shared/records';
import type { Transport } from '../shared/request';

/** One object in the grid. */
export interface Item {
  kind: Kind;
  id: number;
  name: string;
  detail?: string;
}

export interface Listing {
  items: Item[];
  total: number | null;
  /** Fetches the next page; null where there is none. */
  more: (() => Promise<Listing>) | null;
}

export interface GridEvents {
  selected(items: Item[]): void;
  opened(item: Item): void;
  /** The user began to drag an image; absent where nothing takes it. */
  dragged?(item: Item, event: PointerEvent, picture: HTMLElement): void;
}

const DRAG_PIXELS = 5;

/** How many cards there ever were: a card's id must be the only one on the page. */
let made = 0;

export class Thumbnails {
  readonly node = el('div', 'grid', {
    role: 'listbox',
    'aria-multiselectable': 'true',
    'aria-label': 'Images',
    tabindex: 0,
    onkeydown: (event: KeyboardEvent) => this.keydown(event)
  });
  readonly status = el('div', 'status', { role: 'status' });
  private cards: { item: Item; card: HTMLElement }[] = [];
  private picked = new Set<HTMLElement>();
  private last = 0;
  private readonly urls: string[] = [];
  private abort = new AbortController();
  private readonly seen: IntersectionObserver;

  constructor(
    private readonly transport: Transport,
    private readonly events: GridEvents
  ) {
    this.seen = new IntersectionObserver(
      entries => {
        for (const entry of entries) {
          if (entry.isIntersecting) {
            this.seen.unobserve(entry.target);
            this.waiting.get(entry.target)?.();
          }
        }
      },
      { rootMargin: '300px' }
    );
  }

  private readonly waiting = new WeakMap<Element, () => void>();

  /** Show what `load` finds, in place of what was here. */
  async show(load: () => Promise<Listing>, nothing = 'Nothing is here.'): Promise<void> {
    this.clear();
    const { signal } = this.abort;
    this.status.textContent = 'Loading …';
    try {
      const listing = await load();
      if (!signal.aborted) {
        this.append(listing);
        if (!listing.items.length) {
          this.node.append(el('p', 'empty', {}, nothing));
        }
      }
    } catch (error) {
      if (!signal.aborted && !wasAborted(error)) {
        this.status.textContent = '';
        this.node.append(notice(error, () => void this.show(load, nothing)));
      }
    }
  }

  clear(): void {
    this.abort.abort();
    this.abort = new AbortController();
    this.seen.disconnect();
    this.urls.splice(0).forEach(url => URL.revokeObjectURL(url));
    this.cards = [];
    this.picked.clear();
    this.last = 0;
    this.node.removeAttribute('aria-activedescendant');
    this.node.replaceChildren();
    this.status.textContent = '';
  }

  dispose(): void {
    this.clear();
  }

  private append({ items, total, more }: Listing): void {
    for (const item of items) {
      const card = this.card(item);
      this.cards.push({ item, card });
      this.node.append(card);
    }
    const count = this.cards.length;
    this.status.textContent =
      total !== null && total > count ? `${count} of ${total}` : count ? String(count) : '';
    if (more) {
      const { signal } = this.abort;
      const end = el('div', 'more', {}, 'Loading more …');
      const next = () => {
        more().then(
          listing => {
            if (!signal.aborted) {
              end.remove();
              this.append(listing);
            }
          },
          error => end.replaceChildren(notice(error, next))
        );
      };
      this.node.append(end);
      this.whenSeen(end, next);
    }
  }

  private card(item: Item): HTMLElement {
    const picture = el('div', 'picture', {}, icon(item.kind));
    const card = el(
      'div',
      'card',
      {
        id: `jp-OmeroJlab-card-${++made}`,
        role: 'option',
        title: item.detail ? `${item.name}\n${item.detail}` : item.name,
        'data-kind': item.kind,
        'data-id': item.id,
        'aria-selected': 'false',
        onclick: (event: MouseEvent) => this.pick(card, event),
        ondblclick: () => this.events.opened(item),
        onpointerdown: (event: PointerEvent) => this.press(item, picture, event)
      },
      picture,
      el('div', 'caption', {}, item.name),
      item.detail ? el('div', 'detail', {}, item.detail) : null
    );
    if (item.kind === 'image') {
      this.whenSeen(card, () => void this.fetch(item, picture));
    }
    return card;
  }

  private async fetch(item: Item, picture: HTMLElement): Promise<void> {
    try {
      const { signal } = this.abort;
      const reply = await this.transport.get(`images/${item.id}/thumbnail?size=128`, signal);
      const url = URL.createObjectURL(new Blob([reply.body], { type: 'image/jpeg' }));
      this.urls.push(url);
      picture.replaceChildren(el('img', '', { src: url, alt: '', draggable: 'false' }));
    } catch (error) {
      if (!wasAborted(error)) {
        picture.title = error instanceof Error ? error.message : String(error);
        picture.toggleAttribute('data-failed', true);
      }
    }
  }

  private whenSeen(target: Element, call: () => void): void {
    this.waiting.set(target, call);
    this.seen.observe(target);
  }

  private pick(card: HTMLElement, event: MouseEvent | KeyboardEvent): void {
    const at = this.cards.findIndex(each => each.card === card);
    let wanted = new Set([card]);
    if (event.shiftKey) {
      const [from, to] = [Math.min(at, this.last), Math.max(at, this.last)];
      wanted = new Set(this.cards.slice(from, to + 1).map(each => each.card));
    } else if (event.ctrlKey || event.metaKey) {
      wanted = new Set(this.picked);
      if (!wanted.delete(card)) {
        wanted.add(card);
      }
    }
    if (!event.shiftKey) {
      this.last = at;
    }
    this.picked = wanted;
    this.node.setAttribute('aria-activedescendant', card.id);
    for (const each of this.cards) {
      each.card.setAttribute('aria-selected', String(wanted.has(each.card)));
    }
    this.events.selected(
      this.cards.filter(each => wanted.has(each.card)).map(each => each.item)
    );
  }

  private press(item: Item, picture: HTMLElement, start: PointerEvent): void {
    const { dragged } = this.events;
    if (!dragged || item.kind !== 'image' || start.button !== 0) {
      return;
    }
    const stop = () => {
      document.removeEventListener('pointermove', move, true);
      document.removeEventListener('pointerup', stop, true);
    };
    const move = (event: PointerEvent) => {
      const far = Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY);
      if (far > DRAG_PIXELS) {
        stop();
        dragged(item, event, picture);
      }
    };
    document.addEventListener('pointermove', move, true);
    document.addEventListener('pointerup', stop, true);
  }

  private keydown(event: KeyboardEvent): void {
    const current = this.cards[this.last];
    const end = this.cards.length - 1;
    const row = this.cardsInRow();
    const steps: Record<string, number> = {
      ArrowRight: this.last + 1,
      ArrowLeft: this.last - 1,
      ArrowDown: this.last + row,
      ArrowUp: this.last - row,
      Home: 0,
      End: end
    };
    if (event.key in steps) {
      const wanted = this.picked.size ? steps[event.key] : 0;
      const next = this.cards[wanted];
      if (next) {
        this.pick(next.card, new KeyboardEvent('keydown'));
        next.card.scrollIntoView({ block: 'nearest' });
      }
    } else if (event.key === 'Enter' && current && this.picked.has(current.card)) {
      this.events.opened(current.item);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private cardsInRow(): number {
    const top = this.cards[0]?.card.offsetTop;
    const next = this.cards.findIndex(each => each.card.offsetTop !== top);
    return next < 0 ? this.cards.length : next;
  }
}

export function itemOf({ kind, id, name, detail }: Hit): Item {
  return { kind, id, name, detail };
}
