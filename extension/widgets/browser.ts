/** The repository browser as an anywidget; an image or a table opens below. */
import { RepositoryBrowser } from '../browser/browser';
import type { Item } from '../browser/thumbnails';
import { el as make, notice } from '../shared/dom';
import { type Channel, connect } from '../shared/request';
import { TableView } from '../table/view';
import { UNSET } from '../viewer/state';
import { ImageViewer } from '../viewer/viewer';

interface Model extends Channel {
  get(name: string): any;
  set(name: string, value: unknown): void;
  save_changes(): void;
}

async function render({ model, el }: { model: Model; el: HTMLElement }): Promise<() => void> {
  const host = document.createElement('div');
  host.className = 'jp-OmeroJlab-widget';
  el.append(host);
  const transport = await connect(model.get('repository'), model).catch((error: unknown) => {
    host.append(notice(error));
    throw error;
  });
  const save = (name: string, value: unknown) => {
    model.set(name, value);
    model.save_changes();
  };
  const below = make('div', 'opened', { hidden: true });
  let viewer: ImageViewer | TableView | null = null;
  const show = () => {
    const id = model.get('opened') as number | null;
    const table = model.get('opened_table') as number | null;
    viewer?.dispose();
    viewer = null;
    below.hidden = id === null && table === null;
    close.title = table === null ? 'Close the image' : 'Close the table';
    if (table !== null) {
      const repository = model.get('repository');
      viewer = new TableView(
        below, transport, { repository, table_id: table, link_id: '', cells: null },
        { condition: '', order_by: null, descending: false, row: null }, () => undefined,
        image => open(image, null)
      );
    } else if (id !== null) {
      viewer = new ImageViewer(
        below, transport, id, { ...UNSET }, () => undefined, model.get('repository')
      );
    }
  };
  const open = (image: number | null, table: number | null) => {
    model.set('opened', image);
    save('opened_table', table);
  };
  const close = make(
    'button',
    'button close',
    { type: 'button', onclick: () => open(null, null) },
    'Close'
  );
  below.append(close);
  const browser = new RepositoryBrowser(
    transport,
    {
      selected: (items: Item[]) =>
        save('selected', items.map(({ kind, id }) => ({ kind, id }))),
      opened: item => open(item.id, null),
      tableOpened: ({ id }) => open(null, id)
    },
    text => save('filter', text)
  );
  host.append(browser.node, below);
  const size = () => {
    browser.node.style.height = below.style.height = `${model.get('height_px')}px`;
  };
  const listeners: [string, () => void][] = [
    ['change:opened', show],
    ['change:opened_table', show],
    ['change:filter', () => browser.setFilter(model.get('filter'))],
    ['change:height_px', size]
  ];
  listeners.forEach(([name, call]) => model.on(name, call));
  size();
  show();
  void browser.start().then(() => browser.setFilter(model.get('filter')));
  return () => {
    listeners.forEach(([name, call]) => model.off(name, call));
    viewer?.dispose();
    browser.dispose();
    transport.dispose();
    host.remove();
  };
}

export default { render };
