/** Code that shows an image, and the notebooks that it goes into. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICellModel, ICodeCellModel } from '@jupyterlab/cells';
import { type INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel, KernelMessage } from '@jupyterlab/services';

const PATIENCE_MS = 2000;
const PROBE = "hasattr(globals().get('repo'), 'image')";

/** A cell's source that shows image `id`; with `connects` it makes `repo` first. */
export function sourceFor(id: number, connects: boolean): string {
  const view = `repo.image(${id}).view()`;
  return connects ? `import omero_jlab\nrepo = omero_jlab.connect()\n${view}` : view;
}

/** Put a cell that shows image `id` below the active one, or into a new notebook, and run it. */
export async function showInNotebook(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  id: number
): Promise<void> {
  const panel = tracker.currentWidget ?? (await newNotebook(app));
  await panel.context.ready;
  await panel.sessionContext.ready;
  app.shell.activateById(panel.id);
  const notebook = panel.content;
  const source = sourceFor(id, !(await hasRepository(panel)));
  const current = notebook.activeCell;
  const isEmptyCode = current?.model.type === 'code' && !current.model.sharedModel.source.trim();
  if (!isEmptyCode) {
    NotebookActions.insertBelow(notebook);
  }
  notebook.activeCell!.model.sharedModel.setSource(source);
  await NotebookActions.run(notebook, panel.sessionContext);
}

async function newNotebook(app: JupyterFrontEnd): Promise<NotebookPanel> {
  await app.serviceManager.kernelspecs.ready;
  const kernelName = app.serviceManager.kernelspecs.specs?.default;
  return (await app.commands.execute('notebook:create-new', { kernelName })) as NotebookPanel;
}

/** Whether the notebook's `repo` is a repository; a busy kernel is judged by what it was given. */
export async function hasRepository(panel: NotebookPanel): Promise<boolean> {
  const kernel = panel.sessionContext.session?.kernel;
  const answer = kernel && kernel.status === 'idle' ? await asked(kernel) : null;
  return (
    answer ??
    [...panel.content.widgets].some(
      cell => wasRun(cell.model) && /^\s*repo\s*=/m.test(cell.model.sharedModel.source)
    )
  );
}

/** Whether a cell was run, is running, or waits for others that do: it has no number before its end. */
function wasRun(model: ICellModel): boolean {
  if (model.type !== 'code') {
    return false;
  }
  const { executionCount, executionState } = model as ICodeCellModel;
  return executionCount !== null || executionState === 'running';
}

async function asked(kernel: Kernel.IKernelConnection): Promise<boolean | null> {
  const future = kernel.requestExecute({
    code: '',
    silent: true,
    store_history: false,
    user_expressions: { repo: PROBE }
  });
  const late = new Promise<null>(resolve => window.setTimeout(() => resolve(null), PATIENCE_MS));
  const reply = await Promise.race([future.done, late]);
  if (reply === null) {
    future.dispose();
    return null;
  }
  const { content } = reply as KernelMessage.IExecuteReplyMsg;
  if (content.status !== 'ok') {
    return null;
  }
  const found = content.user_expressions?.repo as { data?: Record<string, string> } | undefined;
  return found?.data ? found.data['text/plain'] === 'True' : null;
}
