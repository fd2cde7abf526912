/** What the palette and other extensions can ask for. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { INotebookTracker } from '@jupyterlab/notebook';

import type { Table } from '../shared/records';
import { json, type Transport } from '../shared/request';
import { showInNotebook } from './cells';
import { repositoryIcon } from './icons';
import { PANEL_ID, type RepositoryPanel } from './panel';
import { showTable } from './tables';

export const CommandIDs = {
  show: 'omero-jlab:show-panel',
  reload: 'omero-jlab:reload-panel',
  view: 'omero-jlab:view-image',
  table: 'omero-jlab:view-table'
};

export function addPanelCommands(app: JupyterFrontEnd, panel: RepositoryPanel): void {
  app.commands.addCommand(CommandIDs.show, {
    label: 'Show the Image Repository',
    icon: repositoryIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => app.shell.activateById(PANEL_ID)
  });
  app.commands.addCommand(CommandIDs.reload, {
    label: 'Reload the Image Repository',
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => panel.reload()
  });
}

/** The command that shows the rows of table `id` in a tab. */
export function addTableCommand(app: JupyterFrontEnd, transport: Transport): void {
  app.commands.addCommand(CommandIDs.table, {
    label: 'Show Rows of Table',
    describedBy: {
      args: { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] }
    },
    isEnabled: args => typeof args.id === 'number',
    isVisible: () => false,
    execute: async args => {
      const table = await json<Table>(transport, `tables/${Number(args.id)}`);
      await showTable(app, transport, table, id => void app.commands.execute(CommandIDs.view, { id }));
    }
  });
}

/** The command that shows image `id` in a cell of the active notebook. */
export function addViewCommand(app: JupyterFrontEnd, tracker: INotebookTracker): void {
  app.commands.addCommand(CommandIDs.view, {
    label: 'Show Image in Notebook',
    describedBy: {
      args: { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] }
    },
    isEnabled: args => typeof args.id === 'number',
    isVisible: () => false,
    execute: args => showInNotebook(app, tracker, Number(args.id))
  });
}
