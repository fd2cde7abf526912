/** The image viewer: one image, its controls and its state. */
import { debounced, el, notice, wasAborted } from '../shared/dom';
import { tell } from '../shared/links';
import type { Image, Labels, Settings } from '../shared/records';
import { json, type Transport } from '../shared/request';
import { Axes } from './axes';
import { mapButtons } from './buttons';
import { ChannelPanel } from './channels';
import { Histograms } from './histogram';
import { announce } from './hooks';
import { actOn } from './keys';
import { LabelImages } from './objects';
import { brightening, isSameProjection, scaled } from './project';
import { ProjectionPanel } from './projection';
import { Readout } from './readout';
import { SettingsBar } from './settings';
import { sideOf } from './side';
import { Stage } from './stage';
import type { State } from './state';

export class ImageViewer {
  readonly ready: Promise<void>;
  private readonly node: HTMLElement;
  private readonly host = el('div', 'map', { tabindex: 0, 'aria-label': 'Image' });
  private readonly message = el('div', 'message', { role: 'status' }, 'Loading …');
  private readonly withdraw: () => void;
  private readonly abort = new AbortController();
  private image!: Image;
  private settings!: Settings;
  private plane = { z: 0, t: 0 };
  private stage?: Stage;
  private readout!: Readout;
  private channels!: ChannelPanel;
  private histograms!: Histograms;
  private bar!: SettingsBar;
  private projections!: ProjectionPanel;
  private labels!: LabelImages;
  private axes!: Axes;
  private observer?: ResizeObserver;
  private wasFitted = false;

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
    const before = this.state.projection;
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
    if ('projection' in change && !isSameProjection(before, change.projection ?? null)) {
      this.project();
    }
    if (change.labels) {
      this.labels.show(change.labels);
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
    this.observer?.disconnect();
    this.looked.cancel();
    if (this.stage) {
      this.labels.dispose();
      this.histograms.dispose();
      this.bar.dispose();
      this.stage.dispose();
    }
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
    // What is looked at first comes first.
    this.count();
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
      this.host, this.transport, image, this.bright(settings), this.plane, state.projection,
      error => this.fail(error),
      labelsId => this.labels.forget(labelsId)
    );
    this.stage = stage;
    this.readout = new Readout(stage, image);
    this.labels = new LabelImages(
      stage, this.repository, image.id, change => this.set(change), error => this.fail(error)
    );
    this.buildControls(image);
    this.node.replaceChildren(
      el(
        'div',
        'stage',
        {},
        el('div', 'map-frame', {},
          this.host, mapButtons(stage), stage.scaleBar.node, stage.overview.node,
          this.readout.node, this.message
        ),
        ...this.axes.nodes
      ),
      sideOf(
        image.name,
        [this.channels.node, this.bar.node, this.projections.node, this.labels.panel.node],
        rois,
        visible => stage.setRoisVisible(visible)
      )
    );
    stage.setRoisVisible(rois > 0);
    this.labels.show(state.labels, labels);
    stage.select(state.selection?.labels_id ?? null, state.selection?.value ?? 0);
    this.watch(stage);
    stage.overview.load(this.transport, image.id).catch(() => undefined);
  }

  private buildControls(image: Image): void {
    this.channels = new ChannelPanel(image, changed => this.take(changed));
    this.channels.show(this.settings, brightening(this.state.projection, image));
    void json<{ name: string }[]>(this.transport, 'luts')
      .then(tables => this.channels.offer(tables.map(each => each.name)))
      // Without them channels are drawn in one colour each.
      .catch(() => undefined);
    this.histograms = new Histograms(
      this.transport, image,
      (c, histogram) => this.channels.showHistogram(c, histogram),
      // The handles work without it.
      () => undefined
    );
    this.bar = new SettingsBar(
      this.transport, image,
      () => ({ ...this.settings, ...this.plane }),
      settings => {
        this.take(settings);
        this.channels.show(this.settings);
      },
      this.abort.signal
    );
    this.projections = new ProjectionPanel(image, projection => this.set({ projection }));
    this.projections.show(this.state.projection);
    this.axes = new Axes(image, change => this.set(change));
    this.axes.show(this.plane);
    this.axes.project(this.state.projection);
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
        this.readout.read(event.pixel, this.settings);
      }
    });
    this.host.addEventListener('pointerleave', () => this.readout.hide());
    stage.map.on('click', event => {
      const found = stage.labelAt(event.pixel);
      this.set({ selection: found && { labels_id: found.labels.id, value: found.value } });
      tell('clicked', found && { ...this.labels.at(found.labels), value: found.value });
    });
  }

  private readonly looked = debounced(() => {
    if (this.wasFitted && this.stage) {
      this.state.view = this.stage.look;
      this.changed({ view: this.state.view });
    }
  }, 200);

  /** Change the state from within. */
  private set(change: Partial<State>): void {
    // Label images have been arranged where they were changed.
    const { labels: _, ...rest } = change;
    this.update(rest);
    this.changed(change);
  }

  private show(plane: { z: number; t: number }): void {
    const { z, t } = this.image.sizes;
    this.plane = {
      z: Math.max(0, Math.min(plane.z, z - 1)),
      t: Math.max(0, Math.min(plane.t, t - 1))
    };
    this.axes.show(this.plane);
    this.stage!.show(this.plane);
    this.count();
  }

  private take(settings: Settings): void {
    this.draw(settings);
    this.changed({ settings });
  }

  private draw(settings: Settings): void {
    const drawn = (of: Settings) => of.channels.map(each => each.active).join();
    const isAnother = drawn(settings) !== drawn(this.settings);
    this.settings = settings;
    this.stage!.planes.update(this.bright(settings), this.state.projection);
    this.stage!.map.render();
    if (isAnother) {
      this.count();
    }
  }

  /** Draw the projection of now, or the plane again. */
  private project(): void {
    // What failed was another projection.
    this.message.replaceChildren();
    this.projections.show(this.state.projection);
    this.axes.project(this.state.projection);
    this.channels.show(this.settings, brightening(this.state.projection, this.image));
    this.draw(this.settings);
    this.count();
  }

  private bright(settings: Settings): Settings {
    return scaled(settings, brightening(this.state.projection, this.image));
  }

  /** Look how often values occur in what is drawn. */
  private count(): void {
    if (!this.settings.is_rgb && !this.image.dtype.startsWith('complex')) {
      const drawn = this.settings.channels.flatMap((each, c) => (each.active ? [c] : []));
      this.histograms.look(drawn, this.plane, this.state.projection);
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
    const acted =
      this.stage &&
      actOn(event, {
        channel: c => this.channels.toggle(c),
        step: (axis, by) => this.axes.step(axis, by),
        fit: () => this.stage!.fit()
      });
    if (acted) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
}
