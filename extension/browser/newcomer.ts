/** What to do with a repository that has nothing in it. */
import { el } from '../shared/dom';

const FIRST_IMPORT = `import omero_jlab
repo = omero_jlab.connect()
repo.import_files(
    "my-images/",
    dataset="My images",
)`;

export function firstSteps(canWrite: boolean): HTMLElement {
  if (!canWrite) {
    return el('p', 'empty', {}, 'Nothing is here yet, and nothing can be added now.');
  }
  const copy = el(
    'button',
    'button',
    {
      type: 'button',
      onclick: () => {
        void navigator.clipboard.writeText(FIRST_IMPORT).then(() => {
          copy.textContent = 'Copied';
        });
      }
    },
    'Copy'
  );
  // Pages that are served without encryption have no clipboard.
  copy.hidden = !navigator.clipboard;
  return el(
    'div',
    'newcomer',
    {},
    el('p', '', {}, 'No images are here yet. Import a file or a folder from a notebook:'),
    el('pre', '', { tabindex: 0 }, FIRST_IMPORT),
    copy,
    el('p', '', {}, 'Then look again with ↻. Originals are copied into the repository; your files stay as they are.')
  );
}
