/** The buttons over the map. */
import { el } from '../shared/dom';
import type { Stage } from './stage';

export function mapButtons(stage: Stage): HTMLElement {
  const made = (text: string, title: string, onclick: () => void) =>
    el('button', 'map-button', { type: 'button', title, 'aria-label': title, onclick }, text);
  return el(
    'div',
    'map-buttons',
    {},
    made('+', 'Closer', () => stage.zoom(2)),
    made('−', 'Further away', () => stage.zoom(0.5)),
    made('⤢', 'The whole image (f)', () => stage.fit()),
    made('1:1', 'A pixel of the image as a pixel of the screen', () => {
      const { x, y } = stage.look;
      stage.look = { x, y, zoom: 1 };
    })
  );
}
