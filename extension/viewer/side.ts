/** What stands beside the map: the image's name, panels, and whether regions are shown. */
import { el } from '../shared/dom';

export function sideOf(
  name: string,
  panels: HTMLElement[],
  regions: number,
  showRegions: (visible: boolean) => void
): HTMLElement {
  const box = el('input', '', {
    type: 'checkbox',
    checked: true,
    onchange: () => showRegions(box.checked)
  });
  return el(
    'div',
    'side',
    {},
    el('h3', 'title', { title: name }, name),
    ...panels,
    regions ? el('label', 'channel-head', {}, box, `Regions (${regions.toLocaleString('en')})`) : null
  );
}
