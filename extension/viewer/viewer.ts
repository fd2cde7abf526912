/** The image viewer: one image, its controls and its state. */
import { debounced, el, notice, shown as number, wasAborted } from '../shared/dom';
import { hear, isSame, type LabelsAt, pickedIn, tell } from '../shared/links';
import type { Image, Labels, Settings } from '../shared/records';
import { json, type Transport } from '../shared/request';
import { ChannelPanel, defaultSettings } from './channels';
import { AxisSlider, LabelsPanel } from './controls';
import { announce } from './hooks';
import { type Look, type Shown, Stage } from './stage';

const OPACITY = 0.6;

export interface Selection {
  labels_id: number;
  value: number;
}

export interface LabelsState {
  id: number;
  name: string;
  visible: boolean;
  opacity: number;
}

/** What can be set from outside and changes inside; null means: as the repository says. */
export interface State {
  settings: Settings | null;
  z: number | null;
  t: number | null;
  labels: LabelsState[] | null;
  selection: Selection | null;
  view: Look | null;
}

export class ImageViewer {
  readonly ready: Promise<void>;
  private readonly node: HTMLElement;
  private readonly host = el('div', 'map', { tabindex: 0, 'aria-label': 'Image' });
  private readonly message = el('div', 'message', { role: 'status' }, 'Loading …');
  private readonly readout = el('div', 'readout', { hidden: true });
  private readonly withdraw: () => void;
  private readonly abort = new AbortController();
  private stage?: Stage;
  private image!: Image;
  private settings!: Settings;
  private plane = { z: 0, t: 0 };
  private shown: Shown[] = [];
  private channels!: ChannelPanel;
  private labelsPanel!: LabelsPanel;
  private axes!: { z: AxisSlider; t: AxisSlider };
  private observer?: ResizeObserver;
  private wasFitted = false;
  private readonly deaf: (() => void)[] = [];

  constructor(
    parent: HTMLElement,
    private readonly transport: Transport,
    readonly imageId: number,
    private readonly state: State,
    private readonly changed: (change: Partial<State>) => void,
    private readonly repository = ''
  ) {
    this.node = el(
      'div',
      'viewer',
      // JupyterLab's one-letter commands must not fire from in here.
      { 'data-lm-suppress-shortcuts': 'true', onkeydown: this.keydown },
      this.message
    );
    parent.append(this.node);
    this.ready = this.start();
    this.ready.catch(() => undefined);
    this.withdraw = announce({
      imageId,
      ready: this.ready,
      drawn: () => this.ready.then(() => this.stage!.drawn()),
      readPixels: (x, y, w, h, zoom) =>
        this.ready.then(() => this.stage!.readPixels(x, y, w, h, zoom))
    });
  }

  /** Take over what changed outside. */
  update(change: Partial<State>): void {
    Object.assign(this.state, change);
    if (!this.stage) {
      return;
    }
    if (change.settings) {
      this.draw(change.settings);
      this.channels.show(this.settings);
    }
    if (change.z != null || change.t != null) {
      this.show({ z: change.z ?? this.plane.z, t: change.t ?? this.plane.t });
    }
    if (change.labels) {
      this.arrange(this.merged(this.shown.map(each => each.labels), change.labels));
      this.labelsPanel.show(this.shown);
    }
    if ('selection' in change) {
      this.stage.select(change.selection?.labels_id ?? null, change.selection?.value ?? 0);
    }
    if (change.view) {
      this.stage.look = change.view;
    }
  }

  dispose(): void {
    this.abort.abort();
    this.withdraw();
    this.deaf.forEach(call => call());
    this.observer?.disconnect();
    this.looked.cancel();
    this.stage?.dispose();
    this.node.remove();
  }

  private async start(): Promise<void> {
    try {
      const { signal } = this.abort;
      const path = `images/${this.imageId}`;
      const [image, settings, labels, rois] = await Promise.all([
        json<Image>(this.transport, path, signal),
        this.state.settings ?? json<Settings>(this.transport, `${path}/settings`, signal),
        json<Labels[]>(this.transport, `${path}/labels`, signal),
        json<number>(this.transport, `${path}/rois/count`, signal)
      ]);
      this.image = image;
      this.settings = settings;
      this.build(labels, rois);
      await this.stage!.drawn();
    } catch (error) {
      if (!wasAborted(error)) {
        const again = () => void this.start().catch(() => undefined);
        this.node.replaceChildren(notice(error, again));
      }
      throw error;
    }
  }

  private build(labels: Labels[], rois: number): void {
    const { image, settings, state } = this;
    const { sizes } = image;
    this.plane = {
      z: Math.min(state.z ?? settings.z, sizes.z - 1),
      t: Math.min(state.t ?? settings.t, sizes.t - 1)
    };
    this.message.textContent = '';
    const stage = new Stage(
      this.host, this.transport, image, settings, this.plane,
      error => this.fail(error),
      labelsId => this.forget(labelsId)
    );
    this.stage = stage;
    this.channels = new ChannelPanel(image, changed => {
      this.draw(changed);
      this.changed({ settings: changed });
    });
    this.channels.show(settings);
    void json<{ name: string }[]>(this.transport, 'luts')
      .then(tables => this.channels.offer(tables.map(each => each.name)))
      // Without them channels are drawn in one colour each.
      .catch(() => undefined);
    this.labelsPanel = new LabelsPanel(changed => {
      this.arrange(changed);
      this.changed({ labels: states(changed) });
    });
    const seconds = image.time_step_s;
    const micrometres = image.pixel_size_z_um;
    this.axes = {
      z: new AxisSlider(
        'Z', sizes.z, i => (micrometres ? ` · ${number(i * micrometres)} µm` : ''), z => this.go({ z })
      ),
      t: new AxisSlider(
        'T', sizes.t, i => (seconds ? ` · ${number(i * seconds)} s` : ''), t => this.go({ t })
      )
    };
    this.axes.z.show(this.plane.z);
    this.axes.t.show(this.plane.t);
    this.node.replaceChildren(
      el(
        'div',
        'stage',
        {},
        el('div', 'map-frame', {},
          this.host, this.buttons(), stage.scaleBar.node, stage.overview.node, this.readout, this.message
        ),
        this.axes.z.node,
        this.axes.t.node
      ),
      this.side(rois)
    );
    stage.setRoisVisible(rois > 0);
    this.arrange(this.merged(labels, state.labels));
    this.labelsPanel.show(this.shown);
    stage.select(state.selection?.labels_id ?? null, state.selection?.value ?? 0);
    this.watch(stage);
    stage.overview.load(this.transport, image.id).catch(() => undefined);
  }

  private side(rois: number): HTMLElement {
    const button = (text: string, title: string, onclick: () => void) =>
      el('button', 'button', { type: 'button', title, onclick }, text);
    const save = button('Save', 'Keep this as how you see the image', () => void this.save(save));
    save.hidden = !this.transport.canWrite;
    const showsRois = el('input', '', {
      type: 'checkbox',
      checked: true,
      onchange: () => this.stage?.setRoisVisible(showsRois.checked)
    });
    return el(
      'div',
      'side',
      {},
      el('h3', 'title', { title: this.image.name }, this.image.name),
      this.channels.node,
      el('div', 'button-row', {},
        button('Reset', 'The windows and colours of the image', () => this.reset()), save
      ),
      this.labelsPanel.node,
      rois
        ? el('label', 'channel-head', {}, showsRois, `Regions (${rois.toLocaleString('en')})`)
        : null
    );
  }

  private buttons(): HTMLElement {
    const made = (text: string, title: string, onclick: () => void) =>
      el('button', 'map-button', { type: 'button', title, 'aria-label': title, onclick }, text);
    return el('div', 'map-buttons', {},
      made('+', 'Closer', () => this.stage?.zoom(2)),
      made('−', 'Further away', () => this.stage?.zoom(0.5)),
      made('⤢', 'The whole image (f)', () => this.stage?.fit()),
      made('1:1', 'A pixel of the image as a pixel of the screen', () => {
        const { x, y } = this.stage!.look;
        this.stage!.look = { x, y, zoom: 1 };
      })
    );
  }

  private watch(stage: Stage): void {
    this.observer = new ResizeObserver(() => {
      stage.map.updateSize();
      if (!this.wasFitted && this.host.clientWidth && this.host.clientHeight) {
        this.wasFitted = true;
        if (this.state.view) {
          stage.look = this.state.view;
        } else {
          stage.fit();
        }
      }
    });
    this.observer.observe(this.host);
    stage.map.on('moveend', () => this.looked());
    stage.map.on('pointermove', event => {
      if (!event.dragging) {
        this.read(event.pixel);
      }
    });
    this.host.addEventListener('pointerleave', () => (this.readout.hidden = true));
    stage.map.on('click', event => {
      const found = stage.labelAt(event.pixel);
      const selection = found && { labels_id: found.labels.id, value: found.value };
      this.update({ selection });
      this.changed({ selection });
      tell('clicked', found && { ...this.at(found.labels), value: found.value });
    });
    this.deaf.push(
      hear('picked', () => this.pick()),
      hear('look', wanted => {
        const labels = this.shown.find(each => isSame(this.at(each.labels), wanted))?.labels;
        if (labels) {
          this.lookAt(labels, wanted.value);
        }
      })
    );
  }

  private readonly looked = debounced(() => {
    if (this.wasFitted && this.stage) {
      this.state.view = this.stage.look;
      this.changed({ view: this.state.view });
    }
  }, 200);

  private read(pixel: number[]): void {
    const position = this.stage!.positionAt(pixel);
    this.readout.hidden = !position;
    if (position) {
      const values = this.stage!.planes.valuesAt(pixel) ?? [];
      const label = this.stage!.labelAt(pixel);
      const drawn = values.filter(({ channel }) => this.settings.channels[channel]?.active);
      this.readout.textContent = [
        `x ${position.x}, y ${position.y}`,
        ...drawn.map(
          ({ channel, value }) => `${this.image.channels[channel]?.name || channel + 1} ${number(value)}`
        ),
        label && `${label.labels.name} ${label.value}`
      ]
        .filter(Boolean)
        .join('  ·  ');
    }
  }

  private go(change: { z?: number; t?: number }): void {
    this.show({ ...this.plane, ...change });
    this.changed(change);
  }

  private show(plane: { z: number; t: number }): void {
    const { z, t } = this.image.sizes;
    this.plane = {
      z: Math.max(0, Math.min(plane.z, z - 1)),
      t: Math.max(0, Math.min(plane.t, t - 1))
    };
    this.axes.z.show(this.plane.z);
    this.axes.t.show(this.plane.t);
    this.stage!.show(this.plane);
  }

  private draw(settings: Settings): void {
    this.settings = settings;
    this.stage!.planes.update(settings);
    this.stage!.map.render();
  }

  private reset(): void {
    const settings = defaultSettings(this.image, this.settings);
    this.draw(settings);
    this.channels.show(settings);
    this.changed({ settings });
  }

  private async save(button: HTMLButtonElement): Promise<void> {
    button.disabled = true;
    try {
      const settings = { ...this.settings, ...this.plane };
      await this.transport.put(`images/${this.imageId}/settings`, { settings });
      button.textContent = 'Saved';
      window.setTimeout(() => (button.textContent = 'Save'), 1500);
    } catch (error) {
      this.fail(error);
    } finally {
      button.disabled = false;
    }
  }

  private arrange(shown: Shown[]): void {
    this.shown = shown;
    this.stage!.setLabels(shown);
    this.pick();
  }

  private at(labels: Labels): LabelsAt {
    const { repository, imageId } = this;
    return { repository, imageId, labelsId: labels.id, name: labels.name };
  }

  /** Draw the cells that plots on this page pick out; their label image becomes visible. */
  private pick(): void {
    const hidden = this.shown.filter(({ labels, visible }) => !visible && pickedIn(this.at(labels)));
    if (hidden.length && !this.shown.some(({ labels, visible }) => visible && pickedIn(this.at(labels)))) {
      this.reveal(hidden[0].labels);
      return;
    }
    this.stage!.pick(labels => pickedIn(this.at(labels)));
  }

  private reveal(labels: Labels): void {
    const shown = this.shown.map(each => (each.labels === labels ? { ...each, visible: true } : each));
    this.arrange(shown);
    this.labelsPanel.show(shown);
    this.changed({ labels: states(shown) });
  }

  /** Mark a cell and bring it into view. */
  private lookAt(labels: Labels, value: number): void {
    if (!this.shown.find(each => each.labels === labels)?.visible) {
      this.reveal(labels);
    }
    const selection = { labels_id: labels.id, value };
    this.update({ selection });
    this.changed({ selection });
    this.stage!.lookAt(labels, value, this.abort.signal).catch(error => {
      if (!wasAborted(error)) {
        this.fail(error);
      }
    });
  }

  private merged(labels: Labels[], given: LabelsState[] | null): Shown[] {
    return labels.map((each, i) => {
      const known = given?.find(({ id }) => id === each.id);
      return {
        labels: each,
        visible: known ? known.visible : given === null && i === 0,
        opacity: known?.opacity ?? OPACITY
      };
    });
  }

  /** Somebody has deleted a label image that is shown here. */
  private forget(labelsId: number): void {
    const left = this.shown.filter(({ labels }) => labels.id !== labelsId);
    // Every tile of it reports.
    if (left.length < this.shown.length) {
      this.arrange(left);
      this.labelsPanel.show(left);
      this.changed({ labels: states(left) });
    }
  }

  private fail(error: unknown): void {
    this.message.replaceChildren(
      notice(error, () => {
        this.message.replaceChildren();
        this.stage?.retry();
      })
    );
  }

  private readonly keydown = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    if (!this.stage || target.closest('input, select') || event.ctrlKey || event.metaKey) {
      return;
    }
    const act: Record<string, () => void> = {
      ',': () => this.axes.z.step(-1),
      '.': () => this.axes.z.step(1),
      '<': () => this.axes.t.step(-1),
      '>': () => this.axes.t.step(1),
      f: () => this.stage!.fit()
    };
    const call = /^[1-9]$/.test(event.key)
      ? () => this.channels.toggle(Number(event.key) - 1)
      : act[event.key];
    if (call) {
      call();
      event.preventDefault();
      event.stopPropagation();
    }
  };
}

function states(shown: Shown[]): LabelsState[] {
  return shown.map(({ labels, visible, opacity }) => ({
    id: labels.id,
    name: labels.name,
    visible,
    opacity
  }));
}
