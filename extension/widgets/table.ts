/** The rows of a table as an anywidget. */
import { notice } from '../shared/dom';
import { type Channel, connect } from '../shared/request';
import { type State, TableView } from '../table/view';

interface Model extends Channel {
  get(name: string): any;
  set(name: string, value: unknown): void;
  save_changes(): void;
}

const SHARED = ['condition', 'order_by', 'descending', 'row'] as const;
const CELLS = ['image_id', 'image_column', 'label_column', 'labels_id', 'labels_name'] as const;

function read<T>(model: Model, names: readonly string[]): T {
  return Object.fromEntries(names.map(name => [name, model.get(name)])) as T;
}

async function render({ model, el }: { model: Model; el: HTMLElement }): Promise<() => void> {
  const host = document.createElement('div');
  host.className = 'jp-OmeroJlab-widget';
  el.append(host);
  const transport = await connect(model.get('repository'), model).catch((error: unknown) => {
    host.append(notice(error));
    throw error;
  });
  const size = () => {
    host.style.height = `${model.get('height_px')}px`;
  };
  size();
  // What this view itself sets must not come back to it as news.
  let setting = false;
  const changed = (change: Partial<State>) => {
    setting = true;
    for (const [name, value] of Object.entries(change)) {
      model.set(name, value);
    }
    setting = false;
    model.save_changes();
  };
  const subject = {
    repository: model.get('repository'),
    table_id: model.get('table_id'),
    link_id: model.get('link_id'),
    cells: read<any>(model, CELLS)
  };
  const view = new TableView(host, transport, subject, read<State>(model, SHARED), changed);
  const listeners: [string, () => void][] = SHARED.map(name => [
    `change:${name}`,
    () => {
      if (!setting) {
        view.update({ [name]: model.get(name) });
      }
    }
  ]);
  listeners.push(['change:height_px', size]);
  listeners.forEach(([name, call]) => model.on(name, call));
  return () => {
    listeners.forEach(([name, call]) => model.off(name, call));
    view.dispose();
    transport.dispose();
    host.remove();
  };
}

export default { render };
