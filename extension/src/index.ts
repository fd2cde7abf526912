/** JupyterLab's plugins of omero-jlab. */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';

import { sourceFor } from './cells';
import { addPanelCommands, addTableCommand, addViewCommand, CommandIDs } from './commands';
import { dragImage } from './drag';
import { RepositoryPanel } from './panel';
import { labTransport } from './request';
import { showsOnStart } from './start';

const PANEL = 'omero-jlab:plugin';
const RANK = 250;

const panel: JupyterFrontEndPlugin<void> = {
  id: PANEL,
  description: 'The panel with the repository’s tree and thumbnails.',
  autoStart: true,
  optional: [ILabShell, ILayoutRestorer, ISettingRegistry, IStateDB, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    registry: ISettingRegistry | null,
    state: IStateDB | null,
    palette: ICommandPalette | null
  ) => {
    const transport = labTransport();
    const widget = new RepositoryPanel(transport, {
      selected: () => undefined,
      opened: item => void app.commands.execute(CommandIDs.view, { id: item.id }),
      dragged: (item, event, picture) =>
        dragImage(item, event, picture, sourceFor(item.id, true)),
      tableOpened: ({ id }) => void app.commands.execute(CommandIDs.table, { id })
    });
    app.shell.add(widget, 'left', { rank: RANK });
    restorer?.add(widget, widget.id);
    addPanelCommands(app, widget);
    addTableCommand(app, transport);
    for (const command of [CommandIDs.show, CommandIDs.reload]) {
      palette?.addItem({ command, category: 'Images' });
    }
    if (labShell) {
      void labShell.restored.then(async () => {
        if (await showsOnStart(PANEL, registry, state)) {
          labShell.activateById(widget.id);
        }
      });
    }
  }
};

const view: JupyterFrontEndPlugin<void> = {
  id: 'omero-jlab:view',
  description: 'Shows an image in a cell of the active notebook.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker) => addViewCommand(app, tracker)
};

export default [panel, view];
