/** The label images over an image: which are shown, what plots and tables pick out of them. */
import { wasAborted } from '../shared/dom';
import { hear, isSame, type LabelsAt, pickedIn } from '../shared/links';
import type { Labels } from '../shared/records';
import { LabelsPanel } from './controls';
import type { Shown, Stage } from './stage';
import { type LabelsState, merged, type Selection, states } from './state';

export class LabelImages {
  readonly panel: LabelsPanel;
  private shown: Shown[] = [];
  private readonly deaf: (() => void)[];
  private readonly abort = new AbortController();

  constructor(
    private readonly stage: Stage,
    private readonly repository: string,
    private readonly imageId: number,
    private readonly changed: (change: { labels?: LabelsState[]; selection?: Selection }) => void,
    private readonly failed: (error: unknown) => void
  ) {
    this.panel = new LabelsPanel(shown => {
      this.arrange(shown);
      this.changed({ labels: states(shown) });
    });
    this.deaf = [
      hear('picked', () => this.pick()),
      hear('look', wanted => {
        const labels = this.shown.find(each => isSame(this.at(each.labels), wanted))?.labels;
        if (labels) {
          this.lookAt(labels, wanted.value);
        }
      })
    ];
  }

  /** Show `labels`, or those of now, as `given` says. */
  show(given: LabelsState[] | null, labels = this.shown.map(each => each.labels)): void {
    this.arrange(merged(labels, given));
    this.panel.show(this.shown);
  }

  /** Somebody has deleted a label image that is shown here. */
  forget(labelsId: number): void {
    const left = this.shown.filter(({ labels }) => labels.id !== labelsId);
    // Every tile of it reports.
    if (left.length < this.shown.length) {
      this.arrange(left);
      this.panel.show(left);
      this.changed({ labels: states(left) });
    }
  }

  /** How plots and tables know a label image. */
  at(labels: Labels): LabelsAt {
    const { repository, imageId } = this;
    return { repository, imageId, labelsId: labels.id, name: labels.name };
  }

  dispose(): void {
    this.abort.abort();
    this.deaf.forEach(call => call());
  }

  private arrange(shown: Shown[]): void {
    this.shown = shown;
    this.stage.setLabels(shown);
    this.pick();
  }

  /** Draw the cells that plots on this page pick out; their label image becomes visible. */
  private pick(): void {
    const hidden = this.shown.filter(({ labels, visible }) => !visible && pickedIn(this.at(labels)));
    if (hidden.length && !this.shown.some(({ labels, visible }) => visible && pickedIn(this.at(labels)))) {
      this.reveal(hidden[0].labels);
      return;
    }
    this.stage.pick(labels => pickedIn(this.at(labels)));
  }

  private reveal(labels: Labels): void {
    const shown = this.shown.map(each => (each.labels === labels ? { ...each, visible: true } : each));
    this.arrange(shown);
    this.panel.show(shown);
    this.changed({ labels: states(shown) });
  }

  /** Mark a cell and bring it into view. */
  private lookAt(labels: Labels, value: number): void {
    if (!this.shown.find(each => each.labels === labels)?.visible) {
      this.reveal(labels);
    }
    this.changed({ selection: { labels_id: labels.id, value } });
    this.stage.lookAt(labels, value, this.abort.signal).catch(error => {
      if (!wasAborted(error)) {
        this.failed(error);
      }
    });
  }
}
