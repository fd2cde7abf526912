/** The image viewer as an anywidget. */
import { notice } from '../shared/dom';
import { hear, tell } from '../shared/links';
import { type Channel, connect } from '../shared/request';
import type { State } from '../viewer/state';
import { ImageViewer } from '../viewer/viewer';

interface Model extends Channel {
  get(name: string): any;
  set(name: string, value: unknown): void;
  save_changes(): void;
}

const SHARED = ['settings', 'z', 't', 'projection', 'labels', 'selection', 'view'] as const;

function stateOf(model: Model): State {
  return Object.fromEntries(SHARED.map(name => [name, model.get(name)])) as unknown as State;
}

async function render({ model, el }: { model: Model; el: HTMLElement }): Promise<() => void> {
  const host = document.createElement('div');
  host.className = 'jp-OmeroJlab-widget';
  el.append(host);
  const transport = await connect(model.get('repository'), model).catch((error: unknown) => {
    host.append(notice(error));
    throw error;
  });
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
  const open = () =>
    new ImageViewer(
      host, transport, model.get('image_id'), stateOf(model), changed, model.get('repository')
    );
  let viewer = open();
  const size = () => {
    host.style.height = `${model.get('height_px')}px`;
  };
  size();
  const listeners: [string, () => void][] = SHARED.map(name => [
    `change:${name}`,
    () => {
      if (!setting) {
        viewer.update({ [name]: model.get(name) });
      }
    }
  ]);
  listeners.push(
    ['change:height_px', size],
    [
      'change:image_id',
      () => {
        viewer.dispose();
        viewer = open();
      }
    ]
  );
  listeners.forEach(([name, call]) => model.on(name, call));
  // A plot that this viewer is linked with also leads it to other images.
  const deaf = hear('look', wanted => {
    const links = (model.get('links') ?? []) as string[];
    if (links.includes(wanted.link) && wanted.repository === model.get('repository')) {
      if (wanted.imageId !== model.get('image_id')) {
        changed({ selection: null, view: null, labels: null, z: null, t: null, projection: null });
        model.set('image_id', wanted.imageId);
        model.save_changes();
        viewer.ready.then(() => tell('look', { ...wanted, link: '' })).catch(() => undefined);
      }
    }
  });
  return () => {
    deaf();
    listeners.forEach(([name, call]) => model.off(name, call));
    viewer.dispose();
    transport.dispose();
    host.remove();
  };
}

export default { render };
