/** What lies under the cursor, in words: place, values and object. */
import { el, shown } from '../shared/dom';
import type { Image, Settings } from '../shared/records';
import type { Stage } from './stage';

export class Readout {
  readonly node = el('div', 'readout', { hidden: true });

  constructor(
    private readonly stage: Stage,
    private readonly image: Image
  ) {}

  /** Say what is under a pixel of the map; channels that are off stay unnamed. */
  read(pixel: number[], settings: Settings): void {
    const position = this.stage.positionAt(pixel);
    this.node.hidden = !position;
    if (!position) {
      return;
    }
    const label = this.stage.labelAt(pixel);
    const values = (this.stage.planes.valuesAt(pixel) ?? []).filter(
      ({ channel }) => settings.channels[channel]?.active
    );
    this.node.textContent = [
      `x ${position.x}, y ${position.y}`,
      ...values.map(
        ({ channel, value }) => `${this.image.channels[channel]?.name || channel + 1} ${shown(value)}`
      ),
      label && `${label.labels.name} ${label.value}`
    ]
      .filter(Boolean)
      .join('  ·  ');
  }

  hide(): void {
    this.node.hidden = true;
  }
}
