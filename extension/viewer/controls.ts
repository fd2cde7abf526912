/** The panel of label images beside the map. */
import { el } from '../shared/dom';
import type { Shown } from './stage';

/** Which label images lie over the image, and how opaque. */
export class LabelsPanel {
  readonly node = el('div', 'labels');

  constructor(private readonly changed: (shown: Shown[]) => void) {}

  show(shown: Shown[]): void {
    const replace = (i: number, change: Partial<Shown>) => {
      shown = shown.map((each, j) => (j === i ? { ...each, ...change } : each));
      this.changed(shown);
    };
    const rows = shown.map(({ labels, visible, opacity }, i) =>
      el(
        'div',
        'label-row',
        { 'data-labels': labels.id },
        el(
          'label',
          'channel-head',
          {},
          el('input', '', {
            type: 'checkbox',
            checked: visible,
            onchange: (event: Event) =>
              replace(i, { visible: (event.target as HTMLInputElement).checked })
          }),
          el('span', 'channel-name', { title: labels.name }, labels.name)
        ),
        el('input', '', {
          type: 'range',
          min: 0,
          max: 1,
          step: 0.05,
          value: opacity,
          'aria-label': `Opacity of ${labels.name}`,
          oninput: (event: Event) =>
            replace(i, { opacity: (event.target as HTMLInputElement).valueAsNumber })
        })
      )
    );
    this.node.replaceChildren(...(rows.length ? [el('h4', '', {}, 'Labels'), ...rows] : []));
  }
}
