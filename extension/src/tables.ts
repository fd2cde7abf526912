/** Tabs with the rows of tables. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';

import type { Status, Table } from '../shared/records';
import { json, type Transport } from '../shared/request';
import { TableView } from '../table/view';
import { repositoryIcon } from './icons';

const UNSORTED = { condition: '', order_by: null, descending: false, row: null };

class TableTab extends Widget {
  private readonly view: TableView;

  constructor(transport: Transport, repository: string, tableId: number, opened: (imageId: number) => void) {
    super();
    this.addClass('jp-OmeroJlab-panel');
    const subject = { repository, table_id: tableId, link_id: '', cells: null };
    this.view = new TableView(
      this.node, transport, subject, { ...UNSORTED }, () => undefined, opened
    );
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.view.dispose();
      super.dispose();
    }
  }
}

/** Show the rows of a table in the main area; a tab that is there already comes to the front. */
export async function showTable(
  app: JupyterFrontEnd,
  transport: Transport,
  { id, name }: Pick<Table, 'id' | 'name'>,
  opened: (imageId: number) => void
): Promise<void> {
  const tab = `omero-jlab-table-${id}`;
  if (![...app.shell.widgets('main')].some(each => each.id === tab)) {
    const { repository } = await json<Status>(transport, 'status');
    const content = new TableTab(transport, repository, id, opened);
    const widget = new MainAreaWidget({ content });
    widget.id = tab;
    widget.title.label = name;
    widget.title.caption = `Table ${id}: ${name}`;
    widget.title.icon = repositoryIcon;
    widget.title.closable = true;
    widget.toolbar.hide();
    app.shell.add(widget, 'main');
  }
  app.shell.activateById(tab);
}
