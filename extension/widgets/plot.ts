/** The plot of a table as an anywidget. */
import { type State, type Subject, TablePlot } from '../plot/plot';
import { notice } from '../shared/dom';
import { type Channel, connect } from '../shared/request';

interface Model extends Channel {
  get(name: string): any;
  set(name: string, value: unknown): void;
  save_changes(): void;
}

const SHARED = ['x', 'y', 'color', 'log_x', 'log_y', 'tool', 'shape', 'gate', 'row'] as const;
const FIXED = [
  'repository', 'table_id', 'condition', 'link_id', 'image_id', 'image_column', 'label_column',
  'labels_id', 'labels_name'
] as const;

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
  const plot = new TablePlot(
    host, transport, read<Subject>(model, FIXED), read<State>(model, SHARED), changed
  );
  const listeners: [string, () => void][] = SHARED.map(name => [
    `change:${name}`,
    () => {
      if (!setting) {
        plot.update({ [name]: model.get(name) });
      }
    }
  ]);
  listeners.push(['change:height_px', size], ['change:gates_version', () => void plot.reload()]);
  listeners.forEach(([name, call]) => model.on(name, call));
  return () => {
    listeners.forEach(([name, call]) => model.off(name, call));
    plot.dispose();
    transport.dispose();
    host.remove();
  };
}

export default { render };
