/** The repository's panel at the side of JupyterLab. */
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { type BrowserEvents, RepositoryBrowser } from '../browser/browser';
import type { Transport } from '../shared/request';
import { repositoryIcon } from './icons';

export const PANEL_ID = 'omero-jlab-panel';

export class RepositoryPanel extends Widget {
  private readonly browser: RepositoryBrowser;
  private isStarted = false;

  constructor(transport: Transport, events: BrowserEvents) {
    super();
    this.id = PANEL_ID;
    this.addClass('jp-OmeroJlab-panel');
    this.title.icon = repositoryIcon;
    this.title.caption = 'Image repository';
    this.browser = new RepositoryBrowser(transport, events);
    this.node.append(this.browser.node);
  }

  /** Look at the repository again. */
  reload(): Promise<void> {
    return this.browser.reload();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.browser.dispose();
      super.dispose();
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    // Nobody pays for a panel that is never looked at.
    if (!this.isStarted) {
      this.isStarted = true;
      void this.browser.start();
    }
  }
}
