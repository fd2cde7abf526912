/** Images are dragged from the panel into notebooks, as cells. */
import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';

import type { Item } from '../browser/thumbnails';

const CELLS = 'application/vnd.jupyter.cells';

export function dragImage(
  item: Item,
  event: PointerEvent,
  picture: HTMLElement,
  source: string
): void {
  const mimeData = new MimeData();
  mimeData.setData(CELLS, [
    { cell_type: 'code', source, metadata: {}, outputs: [], execution_count: null }
  ]);
  mimeData.setData('text/plain', source);
  const dragImage = picture.cloneNode(true) as HTMLElement;
  dragImage.style.cssText = 'width: 72px; height: 72px; overflow: hidden; opacity: 0.8';
  const drag = new Drag({
    mimeData,
    dragImage,
    supportedActions: 'copy',
    proposedAction: 'copy',
    source: item
  });
  void drag.start(event.clientX, event.clientY).then(() => drag.dispose());
}
